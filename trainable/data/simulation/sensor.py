"""An event camera: every pixel reports when its log intensity has moved by a threshold since its last event.

Source: the pixel model of ESIM (Rebecq et al., CoRL 2018) and v2e (Hu et al., CVPRW 2021): per-pixel thresholds, a
reference level that moves by one threshold an event, timestamps interpolated within a rendering step, and background
events. Deviations: no photoreceptor low-pass and no refractory period; background events don't move the reference;
only pixels near objects are looked at, as the background stands still.
"""

import math
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from trainable.data.simulation.rendering import POSED_FIELDS, paint, pose
from trainable.data.simulation.scene import Scene

CHUNK_US: Final = 250_000
"""Length of the pieces in which a recording is simulated."""

STEP_MOTION_PX: Final = 0.6
"""How far the fastest object may move between two rendered images."""

STEP_LIMITS_US: Final = (500, 4_000)

MOTION_SAMPLES: Final = 9
"""Times at which the speeds in a piece of the recording are measured."""

FIRST_CAPACITY: Final = 65_536
"""Events for which a piece's buffer has room at first; it doubles when full."""

THRESHOLD: Final = 0.2
"""Mean contrast threshold, as a difference of natural logarithms of intensity."""

THRESHOLD_SPREAD: Final = 0.03
"""Standard deviation of the thresholds over the pixels."""

DARK_INTENSITY: Final = 0.02
"""Intensity that a pixel sees in the dark: it bounds the contrast, above all at night."""

NOISE_HZ: Final = {"day": 0.1, "night": 0.5}
"""Mean background events a pixel and second."""

NOISE_SPREAD: Final = 0.5
"""Standard deviation of the logarithm of the pixels' noise rates."""

HOT_PIXEL_SHARE: Final = 2e-4
HOT_PIXEL_FACTOR: Final = 100.0


EVENT_DTYPE: Final = np.dtype([("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")])
"""One event: microseconds since the start of the recording, column, row, and 1 for brighter or 0 for darker."""


class EventSensor:
    """The camera's pixels while it watches a scene; `advance` gives one piece of the recording after the other.

    Args:
        scene: what it watches, from time 0 on.
        rng: draws thresholds, starting levels and noise.
    """

    def __init__(self, scene: Scene, rng: np.random.Generator) -> None:
        shape = scene.reflectance.shape
        self._scene = scene
        self._rng = rng
        self._parts, self._starts = scene.parts()
        spread = rng.normal(THRESHOLD, THRESHOLD_SPREAD, (2, *shape))
        self._thresholds = np.clip(spread, THRESHOLD / 2, 2 * THRESHOLD).astype(np.float32)
        self._background = scene.reflectance * scene.illumination
        self._seen = self._background.copy()
        self._level = np.log(self._seen + np.float32(DARK_INTENSITY))
        self._reference = self._level.copy()
        self._boxes = np.zeros((len(scene.objects), 4), np.int64)
        self._render(scene.states(np.zeros(1)), np.zeros(2))
        # What is there at the start triggers nothing: a pixel's reference lies anywhere between its thresholds.
        offset = rng.random(shape, dtype=np.float32) * self._thresholds.sum(axis=0) - self._thresholds[1]
        self._reference = self._level - offset
        rate = NOISE_HZ["night" if scene.night else "day"] * rng.lognormal(-(NOISE_SPREAD**2) / 2, NOISE_SPREAD, shape)
        rate[rng.random(shape) < HOT_PIXEL_SHARE] *= HOT_PIXEL_FACTOR
        self._noise = np.cumsum(rate)

    def advance(self, from_us: int, to_us: int) -> NDArray[np.void]:
        """The events of one piece of the recording, which starts where the last ended.

        Args:
            from_us: its start in microseconds, included.
            to_us: its end, excluded.

        Returns:
            `(events,)` of `EVENT_DTYPE`, in order of time.
        """
        samples = self._scene.states(np.linspace(from_us, to_us, MOTION_SAMPLES) * 1e-6)
        t_us = np.linspace(from_us, to_us, _count_steps(samples, to_us - from_us) + 1)
        signal = self._render(self._scene.states(t_us[1:] * 1e-6), t_us)
        events = np.concatenate((signal, self._draw_noise(from_us, to_us)))
        ordered: NDArray[np.void] = events[np.argsort(events["t"], kind="stable")]
        return ordered

    def _render(self, states: NDArray[np.float64], t_us: NDArray[np.float64]) -> NDArray[np.void]:
        events: NDArray[np.void] = _render_steps(
            self._parts,
            self._starts,
            states,
            t_us,
            self._background,
            self._scene.illumination,
            (self._seen, self._level, self._reference, self._thresholds),
            self._boxes,
            np.empty(FIRST_CAPACITY, EVENT_DTYPE),
        )
        return events

    def _draw_noise(self, from_us: int, to_us: int) -> NDArray[np.void]:
        rng = self._rng
        events = np.empty(rng.poisson(self._noise[-1] * (to_us - from_us) * 1e-6), EVENT_DTYPE)
        pixel = np.searchsorted(self._noise, rng.random(len(events)) * self._noise[-1])
        row, column = np.divmod(np.minimum(pixel, self._noise.size - 1), self._scene.reflectance.shape[1])
        events["t"] = rng.integers(from_us, to_us, len(events))
        events["x"], events["y"] = column, row
        events["p"] = rng.integers(0, 2, len(events), dtype=np.uint8)
        return events


def _count_steps(states: NDArray[np.float64], length_us: int) -> int:
    """Into how many images a piece of the recording is divided, from states at equal distances in it."""
    in_sight = (states[1:, :, 2] > 0) & (states[:-1, :, 2] > 0)
    motion_px = np.linalg.norm(np.diff(states[:, :, :2], axis=0), axis=-1)
    fastest_px = float(motion_px[in_sight].max(initial=0.0)) * len(motion_px)
    shortest_us, longest_us = STEP_LIMITS_US
    step_us = min(max(STEP_MOTION_PX / max(fastest_px, 1e-9) * length_us, shortest_us), longest_us)
    return max(1, math.ceil(length_us / step_us))


@numba.njit(cache=True, nogil=True)
def _render_steps(
    parts: NDArray[np.void],
    starts: NDArray[np.int64],
    states: NDArray[np.float64],
    t_us: NDArray[np.float64],
    background: NDArray[np.float32],
    illumination: NDArray[np.float32],
    pixels: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    boxes: NDArray[np.int64],
    events: NDArray[np.void],
) -> NDArray[np.void]:
    """Renders image after image and collects the events between each and the one before.

    Args:
        parts: `(parts,)` of `PART_DTYPE`.
        starts: `(objects + 1,)`, each object's first part.
        states: `(steps, objects, 4)`, as from `Scene.states`.
        t_us: `(steps + 1,)` times of the image before the first and of every image.
        background: `(height, width)`, intensity without objects.
        illumination: `(height, width)`.
        pixels: what each pixel saw last, its logarithm, its reference level, each `(height, width)` and updated, and
            its thresholds for brighter and darker, `(2, height, width)`.
        boxes: `(objects, 4)`, updated: what each object touched in the last image, columns and rows from and to.
        events: a first buffer of `EVENT_DTYPE`.

    Returns:
        The events, in order of time except within a step.
    """
    height, width = background.shape
    posed = np.zeros((len(parts), POSED_FIELDS))
    extents = np.zeros((len(boxes), 8))
    dirty = np.zeros((len(boxes), 4), np.int64)
    canvas = background.copy()
    count = 0
    for step in range(len(states)):
        pose(parts, starts, states[step], posed, extents)
        for index in range(len(boxes)):
            _touch(extents[index, 4:], height, width, boxes[index], dirty[index])
            left, right, top, bottom = dirty[index]
            canvas[top:bottom, left:right] = background[top:bottom, left:right]
        for index in range(len(boxes)):
            paint(canvas, illumination, posed, starts[index], starts[index + 1])
        for index in range(len(boxes)):
            events, count = _compare(canvas, dirty[index], t_us[step], t_us[step + 1], pixels, events, count)
    return events[:count]


@numba.njit(cache=True, nogil=True)
def _touch(
    extent: NDArray[np.float64], height: int, width: int, box: NDArray[np.int64], dirty: NDArray[np.int64]
) -> None:
    """Moves an object's box, columns and rows from and to, and notes in `dirty` what its move can have changed."""
    left, top, right, bottom = extent
    dirty[:] = box
    box[:] = 0
    if right <= 0 or left >= width or bottom <= 0 or top >= height or right < left:
        return
    box[0], box[1] = max(0, math.floor(left) - 1), min(width, math.ceil(right) + 1)
    box[2], box[3] = max(0, math.floor(top) - 1), min(height, math.ceil(bottom) + 1)
    if dirty[0] == dirty[1]:
        dirty[:] = box
    for i in range(0, 4, 2):
        dirty[i], dirty[i + 1] = min(dirty[i], box[i]), max(dirty[i + 1], box[i + 1])


@numba.njit(cache=True, nogil=True)
def _compare(
    canvas: NDArray[np.float32],
    dirty: NDArray[np.int64],
    from_us: float,
    to_us: float,
    pixels: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    events: NDArray[np.void],
    count: int,
) -> tuple[NDArray[np.void], int]:
    """Lets the pixels of one box look at a new image; returns the buffer, perhaps a larger one, and its fill."""
    seen, level, reference, thresholds = pixels
    for row in range(dirty[2], dirty[3]):
        for column in range(dirty[0], dirty[1]):
            intensity = canvas[row, column]
            if intensity == seen[row, column]:
                continue
            before = level[row, column]
            after = np.float32(math.log(intensity + np.float32(DARK_INTENSITY)))
            seen[row, column], level[row, column] = intensity, after
            brighter = after > before
            sign = 1.0 if brighter else -1.0
            threshold = sign * thresholds[0 if brighter else 1, row, column]
            crossing = reference[row, column] + threshold
            while sign * (after - crossing) >= 0:
                share = min(1.0, max(0.0, (crossing - before) / (after - before)))
                if count == len(events):
                    events = np.concatenate((events, np.empty_like(events)))
                events[count]["t"] = min(math.floor(from_us + share * (to_us - from_us)), math.ceil(to_us) - 1)
                events[count]["x"], events[count]["y"], events[count]["p"] = column, row, brighter
                count += 1
                reference[row, column] = crossing
                crossing += threshold
    return events, count
