"""The true boxes of a simulated scene."""

from dataclasses import replace

import numpy as np
import pytest

from trainable.data.simulation.labels import label_boxes
from trainable.data.simulation.scene import Scene, make_scene
from trainable.data.simulation.shapes import CLASSES, build_parts
from trainable.data.simulation.traffic import TrafficObject, TrafficTrack


def make(seed: int) -> Scene:
    rng = np.random.default_rng(seed)
    return make_scene(rng, height=192, width=320, duration_s=2.0, night=False, mean_objects=7.0)


def vehicle(class_id: int, depth_m: float, *, speed_mps: float = 0.0, length_m: float = 4.0) -> TrafficObject:
    track = TrafficTrack("lane", depth_m, 0.0, 1, speed_mps, (np.inf, np.inf))
    parts = build_parts(class_id, np.random.default_rng(0), length_m=length_m, direction=1, night=False)
    return TrafficObject(class_id, parts, track, depth_m, speed_mps, 0.0, length_m)


@pytest.fixture(scope="module")
def all_boxes() -> np.ndarray:
    return np.concatenate([label_boxes(make(seed), 100_000) for seed in range(120)])


def test_labels_come_at_30_hz_from_the_first_period_on() -> None:
    t_us = np.unique(label_boxes(make(0), 1_000_000)["t"])
    np.testing.assert_array_equal(t_us, 33_333 * np.arange(1, 31))


def test_boxes_lie_in_the_frame_and_have_room(all_boxes: np.ndarray) -> None:
    assert all_boxes["x"].min() >= 0
    assert all_boxes["y"].min() >= 0
    assert (all_boxes["x"] + all_boxes["w"]).max() <= 320 + 1e-3
    assert (all_boxes["y"] + all_boxes["h"]).max() <= 192 + 1e-3
    assert min(all_boxes["w"].min(), all_boxes["h"].min()) >= 3
    assert np.all(all_boxes["class_confidence"] == 1)


def test_boxes_are_small_medium_and_large(all_boxes: np.ndarray) -> None:
    area = all_boxes["w"] * all_boxes["h"]
    assert 0.3 < np.mean(area < 32**2) < 0.7
    assert np.mean(area > 96**2) > 0.002


def test_classes_have_etrams_shares_of_the_boxes(all_boxes: np.ndarray) -> None:
    counts = np.bincount(all_boxes["class_id"], minlength=len(CLASSES))
    for kind, share in zip(CLASSES, counts / counts.sum(), strict=True):
        assert share == pytest.approx(kind.share, abs=0.04), kind.name
    frames = 120 * 3
    assert counts.sum() / frames == pytest.approx(7.0, rel=0.15)


def test_pedestrians_are_upright_and_cars_are_wide(all_boxes: np.ndarray) -> None:
    whole = (all_boxes["x"] > 0) & (all_boxes["x"] + all_boxes["w"] < 320) & (all_boxes["y"] + all_boxes["h"] < 192)
    aspect = all_boxes["w"] / all_boxes["h"]
    assert np.all(aspect[whole & (all_boxes["class_id"] == 0)] < 0.8)
    assert np.all(aspect[whole & (all_boxes["class_id"] == 1)] > 0.9)


def test_an_object_behind_a_nearer_one_has_no_box() -> None:
    empty = replace(make(0), objects=())
    focal = empty.camera.focal_px
    far, near = vehicle(1, focal / 15), vehicle(5, focal / 16, length_m=9.0)
    boxes = label_boxes(replace(empty, objects=(far, near)), 40_000)
    np.testing.assert_array_equal(boxes["class_id"], [5])
    alone = label_boxes(replace(empty, objects=(far,)), 40_000)
    np.testing.assert_array_equal(alone["class_id"], [1])


def test_an_object_that_stands_still_keeps_its_box() -> None:
    empty = replace(make(0), objects=())
    boxes = label_boxes(replace(empty, objects=(vehicle(1, empty.camera.focal_px / 15),)), 1_000_000)
    assert len(boxes) == 30
    assert len(np.unique(boxes[["x", "y", "w", "h"]])) == 1


def test_a_track_keeps_its_number_and_class() -> None:
    boxes = label_boxes(make(1), 1_000_000)
    for track in np.unique(boxes["track_id"]):
        of_track = boxes[boxes["track_id"] == track]
        assert len(np.unique(of_track["class_id"])) == 1
        assert len(np.unique(of_track["t"])) == len(of_track)
