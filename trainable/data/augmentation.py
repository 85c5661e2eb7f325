"""Spatial augmentation: the draw of its parameters, and what it does to boxes."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trainable.config.dataset_schema import FactorRange, RandomAugmentation, RandomZoom, StreamAugmentation

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


class Window(NamedTuple):
    """A rectangle of whole input pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Augmentation:
    """One draw, held for a whole (sub)sequence. Applied in this order: flip, rotation, zoom.

    Attributes:
        flip: Mirror left and right.
        angle_deg: Counter-clockwise rotation about the centre of the frame, as seen on the screen.
        zoom_in: The part of the frame that is enlarged to the whole frame.
        zoom_out: The part of the frame into which the whole frame is shrunk; the rest is empty. Never beside `zoom_in`.
    """

    flip: bool = False
    angle_deg: float = 0.0
    zoom_in: Window | None = None
    zoom_out: Window | None = None


NO_AUGMENTATION = Augmentation()


def rotation_matrix(angle_deg: float) -> FloatArray:
    """Counter-clockwise rotation on the screen, whose y axis points down: `(2, 2)` acting on columns `(x, y)`."""
    cosine, sine = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[cosine, sine], [-sine, cosine]])


def augment_boxes(
    boxes_xyxy: FloatArray, augmentation: Augmentation, *, height: int, width: int
) -> tuple[FloatArray, BoolArray]:
    """Move boxes as the augmentation moves the events, clip them to the frame, and tell which are still in view.

    A rotated box becomes the upright rectangle around it. A box is dropped only when nothing of it is left in the
    frame, however little that is.

    Args:
        boxes_xyxy: `(boxes, 4)` left, top, right, bottom in input pixels; the frame spans 0 to `width` and `height`.
        augmentation: The draw.
        height: Height of the frame in pixels.
        width: Width of the frame in pixels.

    Returns:
        The boxes, `(boxes, 4)` in the same format, and `(boxes,)` bool: which to keep.

    Source: RVT's label transforms. Deviations: pixel `i` covers `[i, i + 1]`, so that a flip is `width - x`, boxes are
    clipped at `width` and rotated about `width / 2` (RVT: `width - 1 - x`, at `width - 1` and about `width // 2`), and
    boxes are scaled by the ratio of whole pixels by which the events are (RVT: by the factor before rounding).
    """
    size = np.array([width, height], dtype=np.float64)
    boxes = boxes_xyxy.reshape(-1, 2, 2)
    if augmentation.flip:
        boxes = np.stack([np.stack([width - boxes[:, 1, 0], width - boxes[:, 0, 0]], axis=1), boxes[:, :, 1]], axis=2)
    if augmentation.angle_deg:
        boxes = _rotate(boxes, augmentation.angle_deg, size)
    boxes = np.clip(boxes, 0, size)
    if augmentation.zoom_in is not None:
        left, top, *window_size = augmentation.zoom_in
        boxes = np.clip((boxes - (left, top)) * (size / window_size), 0, size)
    if augmentation.zoom_out is not None:
        left, top, *window_size = augmentation.zoom_out
        boxes = boxes * (window_size / size) + (left, top)
    in_view = (boxes[:, 1, 0] > boxes[:, 0, 0]) & (boxes[:, 1, 1] > boxes[:, 0, 1])
    return boxes.reshape(-1, 4), in_view


def _rotate(boxes: FloatArray, angle_deg: float, size: FloatArray) -> FloatArray:
    """Upright rectangles around rotated boxes, `(boxes, 2, 2)`: top left and bottom right corner, each `(x, y)`."""
    x, y = boxes[:, :, 0], boxes[:, :, 1]
    corners = np.stack([x[:, [0, 1, 0, 1]], y[:, [0, 0, 1, 1]]], axis=2)
    rotated = (corners - size / 2) @ rotation_matrix(angle_deg).T + size / 2
    return np.stack([rotated.min(axis=1), rotated.max(axis=1)], axis=1)


def draw_augmentation(
    settings: RandomAugmentation | StreamAugmentation,
    rng: np.random.Generator,
    *,
    height: int,
    width: int,
    boxes_xyxy: FloatArray,
    label_of_box: IntArray,
) -> Augmentation:
    """Draw the parameters of one (sub)sequence.

    Zooming in shows a window around a box: any box of the last labelled frame that still has one, each as likely; the
    window holds the whole box where it can. Without boxes there is no zooming in. A stream never zooms in, so that
    its draw does not depend on the boxes and holds for all of its windows.

    Args:
        settings: Probabilities and ranges; the keys are RVT's.
        rng: Where all chance comes from.
        height: Height of the frame in pixels.
        width: Width of the frame in pixels.
        boxes_xyxy: `(boxes, 4)` float64, the boxes of the sample in input pixels.
        label_of_box: `(boxes,)` int64, the number of each box's labelled frame, rising with time.

    Source: RVT's random spatial augmentor. Deviation: RVT's draw can never choose the last of several boxes, nor the
    last position of a window.
    """
    flip = rng.random() < settings.prob_hflip
    angle_deg = 0.0
    if rng.random() < settings.rotate.prob:
        angle_deg = float(rng.uniform(settings.rotate.min_angle_deg, settings.rotate.max_angle_deg))
        angle_deg *= rng.choice((-1, 1))
    turned = Augmentation(flip, angle_deg)
    zoom = settings.zoom
    if rng.random() >= zoom.prob:
        return turned
    if isinstance(zoom, RandomZoom):
        in_share = zoom.zoom_in.weight / (zoom.zoom_in.weight + zoom.zoom_out.weight)
        if rng.random() < in_share:
            boxes, in_view = augment_boxes(boxes_xyxy, turned, height=height, width=width)
            labels = label_of_box[in_view]
            last = boxes[in_view][labels == labels.max(initial=-1)]
            window_hw = _draw_window_hw(zoom.zoom_in.factor, rng, height, width)
            return Augmentation(flip, angle_deg, zoom_in=_window_around_a_box(last, window_hw, rng, height, width))
    window_height, window_width = _draw_window_hw(zoom.zoom_out.factor, rng, height, width)
    left = int(rng.integers(0, width - window_width, endpoint=True))
    top = int(rng.integers(0, height - window_height, endpoint=True))
    return Augmentation(flip, angle_deg, zoom_out=Window(left, top, window_width, window_height))


def _draw_window_hw(factor: FactorRange, rng: np.random.Generator, height: int, width: int) -> tuple[int, int]:
    drawn = rng.uniform(factor.min, factor.max)
    return max(int(height / drawn), 1), max(int(width / drawn), 1)


def _window_around_a_box(
    boxes_xyxy: FloatArray, window_hw: tuple[int, int], rng: np.random.Generator, height: int, width: int
) -> Window | None:
    """A window that holds one of the boxes, or lies within it where the box is larger; none without boxes."""
    if len(boxes_xyxy) == 0:
        return None
    left, top, right, bottom = boxes_xyxy[rng.integers(len(boxes_xyxy))]
    window_height, window_width = window_hw
    return Window(
        _draw_position(rng, left, right, window_width, width),
        _draw_position(rng, top, bottom, window_height, height),
        window_width,
        window_height,
    )


def _draw_position(rng: np.random.Generator, low: float, high: float, window: int, frame: int) -> int:
    """Start of a window of `window` pixels in a frame, so that it holds `low` to `high` or lies within them."""
    earliest, latest = sorted((int(np.ceil(high)) - window, int(np.floor(low))))
    return int(rng.integers(max(earliest, 0), min(latest, frame - window), endpoint=True))
