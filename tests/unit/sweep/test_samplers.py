import logging

import optuna

from sweep.samplers import build_sampler, quiet, shuffled


def draws(seed: int, draw: int) -> float:
    study = optuna.create_study(sampler=build_sampler("random", seed, draw), storage=None)
    return study.ask().suggest_float("x", 0, 1)


def test_every_draw_and_every_seed_has_its_own_random_numbers() -> None:
    numbers = [draws(seed, draw) for seed in (0, 1, 11) for draw in (0, 1, 11, 111)]
    assert len(set(numbers)) == len(numbers)
    assert draws(1, 11) == draws(1, 11)


def test_shuffling_depends_on_the_seed_alone_and_keeps_every_item() -> None:
    items = list(range(20))
    assert shuffled(items, 3) == shuffled(items, 3) != shuffled(items, 4)
    assert sorted(shuffled(items, 3)) == items == list(range(20))


def test_optunas_verbosity_is_as_before_afterwards() -> None:
    before = optuna.logging.get_verbosity()
    with quiet():
        assert optuna.logging.get_verbosity() >= logging.WARNING
    assert optuna.logging.get_verbosity() == before
