"""The search algorithms: how the next point is chosen from the trials so far."""

import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import TypeVar

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler

from sweep.settings import SearchName

RANDOM_STARTS = 6
"""Results that TPE and the Gaussian process await before they prefer some points to others."""
POPULATION = 8
"""Trials at full budget of one NSGA-II generation: a sweep of 64 trials has room for 8."""

_Item = TypeVar("_Item")


def build_sampler(search: SearchName, seed: int, draw: int) -> BaseSampler:
    """The search algorithm for one draw.

    A sampler holds no state of its own: all that it knows comes from the study, and its random numbers from `seed` and
    `draw`, so the same trials so far lead to the same point, whether or not the process was restarted in between.

    `tpe` keeps away from points that are being tried. `nsga2` learns from trials at full budget only: it suits sweeps
    without early stopping. It draws generations of `POPULATION`, so its first choice comes after so many full trials.
    `grid` and `random` do not learn.

    Args:
        search: The algorithm. A `grid` is walked by the study itself; what it draws here is random.
        seed: The sweep's seed.
        draw: Number of the draw, from 0.
    """
    number = _number(seed, draw)
    match search:
        case "tpe":
            with quiet():
                return TPESampler(
                    n_startup_trials=RANDOM_STARTS, seed=number, multivariate=True, group=True, constant_liar=True
                )
        case "nsga2":
            return NSGAIISampler(population_size=POPULATION, seed=number)
        case "gp":
            return GPSampler(n_startup_trials=RANDOM_STARTS, seed=number, warn_independent_sampling=False)
        case "random" | "grid":
            return RandomSampler(seed=number)


def shuffled(items: Sequence[_Item], seed: int) -> list[_Item]:
    """The items in an order that depends on the seed alone."""
    order = list(items)
    random.Random(seed).shuffle(order)
    return order


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out Optuna's notes about features that this program uses on purpose, and its log lines below warnings."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(verbosity, optuna.logging.WARNING))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def _number(seed: int, draw: int) -> int:
    """A random seed of 32 bits that differs for each pair."""
    return int.from_bytes(sha256(f"{seed}/{draw}".encode()).digest()[:4])
