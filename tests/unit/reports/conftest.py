"""Simulated evaluations whose true figures are known."""

from collections.abc import Callable

import numpy as np
import pytest

from reports.resampled_precision import resampled_average_precision
from reports.resamples import draw_resamples
from reports.uncertainty import Draws

Simulate = Callable[..., list[Draws]]


def _simulate(
    rng: np.random.Generator,
    *,
    recordings: int,
    seeds: tuple[int, ...],
    gains: tuple[float, ...],
    truths: float = 12,
    seed_spread: float = 0.0,
    seed_by_recording: float = 0.1,
    configuration_by_recording: float = 0.0,
    resamples: int = 192,
) -> list[Draws]:
    """One class of one size on random recordings: AP of configurations, each trained with some seeds.

    Simulated are the true and false positives of every recording in score order, which go through the same compiled
    code as real ones. Recordings differ in their number of truths (lognormal, sigma 0.8) and in how hard they are. What
    makes a run good adds up on a logistic scale: the configuration's gain, the seed, the configuration on a recording,
    the seed on a recording. It raises the detections' IoU levels and scores and lowers the number of false positives.
    """
    sizes = np.maximum(1, (truths * np.exp(rng.normal(0, 0.8, recordings) - 0.32)).round().astype(np.int64))
    of_truth = np.repeat(np.arange(recordings), sizes)
    ease_of_recording, ease_of_truth = rng.normal(0, 0.6, recordings), rng.normal(0, 1, len(of_truth))
    drawn = draw_resamples(recordings, resamples=resamples, seed=int(rng.integers(1 << 31)))
    counts = np.concatenate([np.ones((1, recordings), np.int64), drawn])

    def run(gain: float, interaction: np.ndarray) -> np.ndarray:
        quality = gain + rng.normal(0, seed_spread) + ease_of_recording + interaction
        quality += rng.normal(0, seed_by_recording, recordings)
        visible = quality[of_truth] + ease_of_truth
        level = 11 / (1 + np.exp(-visible - rng.normal(0, 0.7, len(of_truth))))
        hit = (1 << level.astype(np.int64).clip(0, 10)) - 1
        of_clutter = np.repeat(np.arange(recordings), rng.poisson(1.5 * sizes * np.exp(-0.3 * quality)))
        hit = np.concatenate([hit, np.zeros(len(of_clutter), np.int64)]).astype(np.uint16)
        score = 0.8 * visible + rng.normal(0, 0.6, len(of_truth))
        order = np.argsort(-np.concatenate([score, rng.normal(-1.2, 1, len(of_clutter))]))
        recording = np.concatenate([of_truth, of_clutter])
        return resampled_average_precision(
            recording[order], hit[order], (1023 ^ hit)[order].astype(np.uint16), sizes, counts
        ).mean(axis=0)

    result = []
    for number, gain in zip(seeds, gains, strict=True):
        interaction = rng.normal(0, configuration_by_recording, recordings)
        figures = np.stack([run(gain, interaction) for _ in range(number)])
        effective = sizes.sum() ** 2 / (sizes**2).sum()
        result.append(Draws(figures[:, 0], figures[:, 1:], float(effective)))
    return result


@pytest.fixture(scope="session")
def simulate() -> Simulate:
    """Draws one evaluation: see `_simulate`."""
    return _simulate
