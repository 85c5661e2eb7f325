"""Spaces built as they stand in YAML files, and an Optuna study that draws at random."""

from collections.abc import Callable
from typing import Any

import optuna
import pytest

from search_spaces import Space
from trainable.config import Config, compose

optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture
def make_space() -> Callable[..., Space]:
    """Builds a space from dimensions, and whatever else is given."""

    def make(dimensions: dict[str, Any], **rest: Any) -> Space:
        return Space.from_dict({"name": "small", "description": "For a test.", "dimensions": dimensions, **rest})

    return make


@pytest.fixture
def study() -> optuna.Study:
    """A study in memory that draws at random from a fixed seed."""
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))


@pytest.fixture(scope="session")
def gen4() -> Config:
    """The 1 Mpx baseline, without the size-aware loss."""
    return compose(["dataset=gen4", "dataset.path=x", "+experiment/gen4=base"])


@pytest.fixture(scope="session")
def demo() -> Config:
    """The demonstration's detector."""
    return compose(["dataset=demo", "dataset.path=x", "+experiment=demo"])
