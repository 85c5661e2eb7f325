"""An event camera: every pixel reports when its log intensity has moved by a threshold since its last event.

Source: the pixel model of ESIM (Rebecq et al., CoRL 2018) and v2e (Hu et al., CVPRW 2021): per-pixel thresholds, a
reference level that moves by one threshold an event, timestamps interpolated within a rendering step, and background
events. Deviations: no photoreceptor low-pass and no refractory period; background events don't move the reference;
only pixels near objects are looked at, as the background stands still.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainable.data.simulation.kernels import DARK_INTENSITY, EVENT_DTYPE, render_steps
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

THRESHOLD: Final = 0.25
"""Mean contrast threshold, as a difference of natural logarithms of intensity."""

THRESHOLD_SPREAD: Final = 0.04
"""Standard deviation of the thresholds over the pixels."""

NOISE_HZ: Final = {"day": 0.1, "night": 0.5}
"""Mean background events a pixel and second."""

NOISE_SPREAD: Final = 0.5
"""Standard deviation of the logarithm of the pixels' noise rates."""

HOT_PIXEL_SHARE: Final = 2e-4
HOT_PIXEL_FACTOR: Final = 100.0


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
        events: NDArray[np.void] = render_steps(
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
