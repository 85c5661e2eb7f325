"""The true boxes of a scene, as an annotator would draw them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainable.boxes import BOX_DTYPE
from trainable.data.simulation.kernels import pose_scene, visible_shares
from trainable.data.simulation.scene import Scene

LABEL_PERIOD_US: Final = 33_333
"""eTraM's labels come at 30 Hz, in steps of this many microseconds."""

MIN_VISIBLE_SHARE: Final = 0.3
"""An object of which less is seen, because of the frame's edge or a nearer object, has no box."""

MIN_SIDE_PX: Final = 3.0


def label_boxes(scene: Scene, duration_us: int) -> NDArray[np.void]:
    """The boxes of one recording at 30 Hz.

    A box is tight around the whole object, hidden parts included, and clipped to the frame. An object that stands still
    keeps its boxes, as in eTraM, although it makes no events: that is what a detector's memory is for.

    Args:
        scene: the recording's scene.
        duration_us: length of the recording in microseconds.

    Returns:
        `(boxes,)` of `BOX_DTYPE`, in sensor pixels, in order of time; `track_id` counts the scene's objects from 1.
    """
    height, width = scene.camera.height_px, scene.camera.width_px
    t_us = np.arange(LABEL_PERIOD_US, duration_us, LABEL_PERIOD_US, dtype=np.int64)
    parts, starts = scene.parts()
    class_id = np.array([item.class_id for item in scene.objects], np.uint32)
    track_id = np.arange(1, len(scene.objects) + 1, dtype=np.uint32)
    frames = []
    for t, states in zip(t_us, scene.states(t_us.astype(np.float64) * 1e-6), strict=True):
        posed, extents = pose_scene(parts, starts, states)
        shares = visible_shares(posed, starts, extents, height, width)
        left, right = (np.clip(extents[:, side], 0, width) for side in (0, 2))
        top, bottom = (np.clip(extents[:, side], 0, height) for side in (1, 3))
        kept = (shares >= MIN_VISIBLE_SHARE) & (right - left >= MIN_SIDE_PX) & (bottom - top >= MIN_SIDE_PX)
        boxes = np.zeros(int(kept.sum()), BOX_DTYPE)
        boxes["t"] = t
        boxes["x"], boxes["y"] = left[kept], top[kept]
        boxes["w"], boxes["h"] = (right - left)[kept], (bottom - top)[kept]
        boxes["class_id"], boxes["track_id"] = class_id[kept], track_id[kept]
        boxes["class_confidence"] = 1.0
        frames.append(boxes)
    return np.concatenate(frames) if frames else np.empty(0, BOX_DTYPE)
