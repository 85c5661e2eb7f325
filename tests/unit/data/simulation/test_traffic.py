"""Tracks, and the objects that travel on them."""

from itertools import combinations

import numpy as np
import pytest

from trainable.data.simulation.scene import Scene, make_scene
from trainable.data.simulation.shapes import CLASSES
from trainable.data.simulation.traffic import TrafficTrack


def scene(seed: int, *, duration_s: float = 2.0, night: bool = False, mean_objects: float = 7.0) -> Scene:
    rng = np.random.default_rng(seed)
    return make_scene(rng, height=192, width=320, duration_s=duration_s, night=night, mean_objects=mean_objects)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [scene(seed) for seed in range(120)]


def test_shares_of_the_classes_sum_to_one() -> None:
    assert sum(kind.share for kind in CLASSES) == pytest.approx(1.0)


def test_vehicles_of_one_lane_never_overlap(scenes: list[Scene]) -> None:
    pairs = 0
    for each in scenes:
        for one, other in combinations(each.objects, 2):
            if one.track is other.track and one.track.kind == "lane":
                pairs += 1
                assert one.speed_mps == other.speed_mps
                gap_m = abs((one.middle_s - other.middle_s) * one.speed_mps)
                assert gap_m > (one.length_m + other.length_m) / 2
    assert pairs > 100


def test_every_scene_has_a_pedestrian_even_when_hardly_anything_is_in_sight() -> None:
    for seed in range(20):
        assert any(item.class_id == 0 for item in scene(seed, mean_objects=0.01).objects)


def test_objects_are_sorted_from_far_to_near(scenes: list[Scene]) -> None:
    for each in scenes:
        depths = [item.depth_m for item in each.objects]
        assert depths == sorted(depths, reverse=True)


def test_traffic_that_stops_brakes_stands_and_goes_on_at_its_old_speed() -> None:
    track = TrafficTrack("lane", 20.0, 0.0, 1, 10.0, (2.0, 3.0))
    t_s = np.linspace(0, 6, 6001)
    clock = track.clock(t_s)
    speed = np.diff(clock) / np.diff(t_s)
    assert np.all(speed > -1e-9)
    assert np.all(speed < 1 + 1e-9)
    assert speed[(t_s[:-1] < 1.49) | (t_s[:-1] > 3.51)] == pytest.approx(1.0)
    assert speed[(t_s[:-1] > 2.01) & (t_s[:-1] < 2.99)] == pytest.approx(0.0, abs=1e-9)
    # Half of the braking and of the starting is lost, and all of the stop.
    assert t_s[-1] - clock[-1] == pytest.approx(0.25 + 1.0 + 0.25)


def test_traffic_that_never_stops_keeps_time() -> None:
    track = TrafficTrack("lane", 20.0, 0.0, 1, 10.0, (np.inf, np.inf))
    t_s = np.array([0.0, 1.5, 9.0])
    np.testing.assert_array_equal(track.clock(t_s), t_s)


def test_a_scene_grows_with_the_sensor() -> None:
    small, large = (
        make_scene(np.random.default_rng(5), height=size, width=2 * size, duration_s=2.0, night=False, mean_objects=7.0)
        for size in (96, 192)
    )
    t_s = np.linspace(0, 2, 5)
    np.testing.assert_allclose(2 * small.states(t_s)[..., :3], large.states(t_s)[..., :3])


def test_only_night_has_lamps_and_dim_light() -> None:
    day, night = scene(3), scene(3, night=True)
    glow = 3
    assert not np.any(day.parts()[0]["kind"] == glow)
    assert np.any(night.parts()[0]["kind"] == glow)
    assert night.illumination.max() < day.illumination.min()
