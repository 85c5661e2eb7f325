"""The event camera: its noise and its pieces."""

from dataclasses import replace

import numpy as np
import pytest

from trainable.data.simulation.scene import Scene, make_scene
from trainable.data.simulation.sensor import EventSensor


@pytest.fixture(scope="module")
def scene() -> Scene:
    rng = np.random.default_rng(1)
    return make_scene(rng, height=96, width=160, duration_s=1.0, night=False, mean_objects=7.0)


def test_an_empty_scene_gives_noise_only_and_more_of_it_at_night(scene: Scene) -> None:
    counts = {}
    for night in (False, True):
        empty = replace(scene, objects=(), night=night)
        events = EventSensor(empty, np.random.default_rng(0)).advance(0, 1_000_000)
        counts[night] = len(events)
    rates = {night: count / (96 * 160) for night, count in counts.items()}
    assert rates[False] == pytest.approx(0.1, rel=0.3)
    assert rates[True] == pytest.approx(0.5, rel=0.3)


def test_events_come_in_order_and_within_their_piece(scene: Scene) -> None:
    sensor = EventSensor(scene, np.random.default_rng(0))
    for start in (0, 100_000):
        events = sensor.advance(start, start + 100_000)
        assert np.all(np.diff(events["t"]) >= 0)
        assert start <= events["t"][0]
        assert events["t"][-1] < start + 100_000
        assert events["x"].max() < 160
        assert events["y"].max() < 96
        assert set(np.unique(events["p"])) == {0, 1}


def test_what_is_there_at_the_start_makes_no_burst(scene: Scene) -> None:
    sensor = EventSensor(scene, np.random.default_rng(0))
    per_millisecond = np.bincount(sensor.advance(0, 100_000)["t"] // 1000, minlength=100)
    assert per_millisecond[:4].mean() < 2 * per_millisecond[50:].mean()


def test_events_spread_over_time_instead_of_coming_in_bursts(scene: Scene) -> None:
    sensor = EventSensor(scene, np.random.default_rng(0))
    sensor.advance(0, 100_000)
    per_millisecond = np.bincount(sensor.advance(100_000, 200_000)["t"] // 1000 - 100, minlength=100)
    assert per_millisecond.max() < 2 * per_millisecond.mean()
    assert per_millisecond.min() > 0.4 * per_millisecond.mean()


def test_the_same_generator_state_gives_the_same_events(scene: Scene) -> None:
    first, second = (EventSensor(scene, np.random.default_rng(7)).advance(0, 50_000) for _ in range(2))
    np.testing.assert_array_equal(first, second)
