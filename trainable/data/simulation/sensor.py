"""An event camera: every pixel reports when its log intensity has moved by a threshold since its last event.

Source: the pixel model of ESIM (Rebecq et al., CoRL 2018) and v2e (Hu et al., CVPRW 2021): per-pixel thresholds, a
reference level that moves by one threshold an event, timestamps interpolated within a rendering step, and background
events. Deviations: no photoreceptor low-pass and no refractory period; background events don't move the reference;
only pixels near objects are looked at, as the background stands still.
"""

import math
from typing import Final, NamedTuple

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


class Events(NamedTuple):
    """Events in order of time.

    Args:
        t: `(events,)` int64, microseconds since the start of the recording.
        x: `(events,)` uint16, column.
        y: `(events,)` uint16, row.
        p: `(events,)` uint8, 1 for brighter, 0 for darker.
    """

    t: NDArray[np.int64]
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    p: NDArray[np.uint8]


class EventSensor:
    """The camera's pixels while it watches a scene; `advance` gives one chunk of events after the other.

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
        # A pixel's reference lies anywhere between its thresholds when the recording starts.
        offset = rng.random(shape, dtype=np.float32) * self._thresholds.sum(axis=0) - self._thresholds[1]
        self._reference = self._level + offset
        self._boxes = np.zeros((len(scene.objects), 4), np.int64)
        rate = NOISE_HZ["night" if scene.night else "day"] * rng.lognormal(-(NOISE_SPREAD**2) / 2, NOISE_SPREAD, shape)
        rate[rng.random(shape) < HOT_PIXEL_SHARE] *= HOT_PIXEL_FACTOR
        self._noise = np.cumsum(rate)
        # The first image is what was there already, so what it would trigger is not reported.
        self._render(scene.states(np.zeros(1)), np.zeros(1))
        self._reference += self._level - np.log(self._background + np.float32(DARK_INTENSITY))

    def advance(self, from_us: int, to_us: int) -> Events:
        """The events of one piece of the recording, which starts where the last ended.

        Args:
            from_us: its start in microseconds, included.
            to_us: its end, excluded.

        Returns:
            Its events in order of time.
        """
        coarse = self._scene.states(np.linspace(from_us, to_us, 9) * 1e-6)
        steps = _steps(coarse, to_us - from_us)
        t_us = np.linspace(from_us, to_us, steps + 1)
        t, x, y, p = self._render(self._scene.states(t_us[1:] * 1e-6), t_us)
        noise = self._draw_noise(from_us, to_us)
        t, x, y, p = (np.concatenate(pair) for pair in zip((t, x, y, p), noise, strict=True))
        order = np.argsort(t, kind="stable")
        return Events(t[order], x[order], y[order], p[order])

    def _render(self, states: NDArray[np.float64], t_us: NDArray[np.float64]) -> Events:
        return Events(
            *_render_steps(
                self._parts,
                self._starts,
                states,
                t_us,
                self._background,
                self._scene.illumination,
                self._seen,
                self._level,
                self._reference,
                self._thresholds,
                self._boxes,
            )
        )

    def _draw_noise(self, from_us: int, to_us: int) -> Events:
        rng = self._rng
        count = rng.poisson(self._noise[-1] * (to_us - from_us) * 1e-6)
        pixel = np.minimum(np.searchsorted(self._noise, rng.random(count) * self._noise[-1]), self._noise.size - 1)
        row, column = np.divmod(pixel, self._scene.reflectance.shape[1])
        t = rng.integers(from_us, to_us, count)
        return Events(t, column.astype(np.uint16), row.astype(np.uint16), rng.integers(0, 2, count, dtype=np.uint8))


def _steps(states: NDArray[np.float64], length_us: int) -> int:
    """Into how many images a piece of the recording is divided, from states at equal distances in it."""
    both = (states[1:, :, 2] > 0) & (states[:-1, :, 2] > 0)
    motion = np.linalg.norm(np.diff(states[:, :, :2], axis=0), axis=-1)
    fastest_px = float(motion[both].max(initial=0.0)) * len(motion)
    shortest, longest = STEP_LIMITS_US
    step_us = min(max(STEP_MOTION_PX / max(fastest_px, 1e-9) * length_us, shortest), longest)
    return max(1, math.ceil(length_us / step_us))


@numba.njit(cache=True, nogil=True)
def _render_steps(  # type: ignore[no-untyped-def]  # noqa: C901
    parts, starts, states, t_us, background, illumination, seen, level, reference, thresholds, boxes
):
    """Renders image after image and collects events between each and the one before.

    Args:
        parts, starts: as from `Scene.parts`.
        states: `(steps, objects, 4)`, as from `Scene.states`.
        t_us: `(steps + 1,)` times of the image before the first and of every image; with a single time the images are
            only looked at, and no events are reported.
        background, illumination: `(height, width)` float32.
        seen, level, reference: `(height, width)` float32, updated: intensity and log intensity in the last image, and
            each pixel's reference level.
        thresholds: `(2, height, width)` float32, for brighter and for darker.
        boxes: `(objects, 4)`, updated: what each object touched in the last image, columns and rows from and to.

    Returns:
        `t, x, y, p` of the events, in order of time except within a step.
    """
    height, width = background.shape
    objects = len(boxes)
    silent = len(t_us) == 1
    posed = np.zeros((len(parts), POSED_FIELDS))
    extents = np.zeros((objects, 8))
    canvas = background.copy()
    dirty = np.zeros((objects, 4), np.int64)
    visited = np.full((height, width), -1, np.int32)
    capacity = 1 << 16
    t, x, y, p = _buffers(capacity)
    count = 0
    for step in range(len(states)):
        pose(parts, starts, states[step], posed, extents)
        for index in range(objects):
            left, top, right, bottom = extents[index, 4], extents[index, 5], extents[index, 6], extents[index, 7]
            now = (0, 0, 0, 0)
            if right > left:
                now = (
                    min(width, max(0, math.floor(left) - 1)),
                    max(0, min(width, math.ceil(right) + 1)),
                    min(height, max(0, math.floor(top) - 1)),
                    max(0, min(height, math.ceil(bottom) + 1)),
                )
            was = boxes[index]
            if now[0] >= now[1] or now[2] >= now[3]:
                dirty[index] = was
                now = (0, 0, 0, 0)
            elif was[0] >= was[1]:
                dirty[index, 0], dirty[index, 1], dirty[index, 2], dirty[index, 3] = now
            else:
                dirty[index, 0], dirty[index, 1] = min(was[0], now[0]), max(was[1], now[1])
                dirty[index, 2], dirty[index, 3] = min(was[2], now[2]), max(was[3], now[3])
            boxes[index, 0], boxes[index, 1], boxes[index, 2], boxes[index, 3] = now
            column_from, column_to, row_from, row_to = dirty[index]
            canvas[row_from:row_to, column_from:column_to] = background[row_from:row_to, column_from:column_to]
        for index in range(objects):
            if boxes[index, 1] > boxes[index, 0]:
                paint(canvas, illumination, posed, starts[index], starts[index + 1])
        for index in range(objects):
            column_from, column_to, row_from, row_to = dirty[index]
            for row in range(row_from, row_to):
                for column in range(column_from, column_to):
                    intensity = canvas[row, column]
                    if visited[row, column] == step or intensity == seen[row, column]:
                        continue
                    visited[row, column] = step
                    before = level[row, column]
                    after = np.float32(math.log(intensity + np.float32(DARK_INTENSITY)))
                    seen[row, column], level[row, column] = intensity, after
                    if silent:
                        continue
                    brighter = after > before
                    threshold = thresholds[0 if brighter else 1, row, column]
                    sign = np.float32(1 if brighter else -1)
                    crossing = reference[row, column] + sign * threshold
                    while sign * (after - crossing) >= 0:
                        share = min(1.0, max(0.0, (crossing - before) / (after - before)))
                        if count == capacity:
                            capacity *= 2
                            t, x, y, p = (
                                _grown(t, capacity),
                                _grown(x, capacity),
                                _grown(y, capacity),
                                _grown(p, capacity),
                            )
                        at = t_us[step] + share * (t_us[step + 1] - t_us[step])
                        t[count] = min(math.floor(at), math.ceil(t_us[step + 1]) - 1)
                        x[count], y[count], p[count] = column, row, 1 if brighter else 0
                        count += 1
                        reference[row, column] = crossing
                        crossing += sign * threshold
    return t[:count], x[:count], y[:count], p[:count]


@numba.njit(cache=True, nogil=True)
def _buffers(capacity):  # type: ignore[no-untyped-def]
    return (
        np.empty(capacity, np.int64),
        np.empty(capacity, np.uint16),
        np.empty(capacity, np.uint16),
        np.empty(capacity, np.uint8),
    )


@numba.njit(cache=True, nogil=True)
def _grown(buffer, capacity):  # type: ignore[no-untyped-def]
    grown = np.empty(capacity, buffer.dtype)
    grown[: len(buffer)] = buffer
    return grown
