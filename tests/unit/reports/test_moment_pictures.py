from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from reports.moment_findings import Findings, find
from reports.moment_pictures import frame_picture, object_picture
from trainable.boxes import BOX_DTYPE
from trainable.event_picture import DETECTION_COLOUR, LABEL_COLOUR

NAMES = ("pedestrian", "vehicle")
GREEN, ORANGE = (tuple(bytes.fromhex(colour[1:])) for colour in (LABEL_COLOUR, DETECTION_COLOUR))


def boxes(*rows: tuple[float, ...], score: float = 0.9) -> np.ndarray:
    found = np.zeros(len(rows), BOX_DTYPE)
    for box, row in zip(found, rows, strict=True):
        box["x"], box["y"], box["w"], box["h"] = row
        box["class_confidence"] = score
    return found


def findings(labels: np.ndarray, detections: np.ndarray) -> Findings:
    return find(labels, detections, 100.0)


def opened(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def runs_of(colour: tuple[int, ...], line: np.ndarray) -> int:
    """How many unbroken pieces of a colour a line of pixels has."""
    drawn = (line == colour).all(axis=-1)
    return int(drawn[0]) + int((drawn[1:] & ~drawn[:-1]).sum())


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(96, 160, (384, 640)), (360, 640, (360, 640)), (720, 1280, (360, 640)), (7, 5, (637, 455))],
)
def test_frames_are_enlarged_or_reduced_by_whole_numbers(height: int, width: int, expected: tuple[int, int]) -> None:
    png = frame_picture(np.zeros((2, height, width), np.uint8), findings(boxes(), boxes()), NAMES)
    assert opened(png).shape[:2] == expected


def test_labels_are_solid_and_detections_dashed_so_that_they_differ_without_colour() -> None:
    events = np.zeros((2, 96, 160), np.uint8)
    label = opened(frame_picture(events, findings(boxes((40, 30, 40, 30)), boxes()), NAMES))
    assert runs_of(GREEN, label[30 * 4 - 2]) == 1
    assert not (label == ORANGE).all(axis=-1).any()
    detection = opened(frame_picture(events, findings(boxes(), boxes((40, 30, 40, 30))), NAMES))
    assert runs_of(ORANGE, detection[30 * 4]) > 10
    assert not (detection == GREEN).all(axis=-1).any()


def test_an_event_of_a_large_frame_is_still_seen_after_reduction() -> None:
    events = np.zeros((2, 720, 1280), np.uint8)
    empty = opened(frame_picture(events, findings(boxes(), boxes()), NAMES))
    events[1, 351, 641] = 1
    seen = opened(frame_picture(events, findings(boxes(), boxes()), NAMES))
    assert np.argwhere((seen != empty).any(axis=-1)).tolist() == [[175, 320]]


def test_a_small_object_is_enlarged_with_its_surroundings_even_at_the_edge() -> None:
    events = np.zeros((2, 96, 160), np.uint8)
    for corner in ((150, 86), (0, 0), (70, 40)):
        picture = opened(object_picture(events, findings(boxes((*corner, 8, 8)), boxes()), NAMES, 0))
        assert picture.shape == (312, 312, 3)
        assert (picture == GREEN).all(axis=-1).any()


def test_texts_never_cover_each_other() -> None:
    events = np.zeros((2, 96, 160), np.uint8)
    once = opened(frame_picture(events, findings(boxes(), boxes((40, 30, 40, 30))), NAMES))
    twice = opened(frame_picture(events, findings(boxes(), boxes(*[(40, 30, 40, 30)] * 2)), NAMES))
    assert (once == twice).all()


def test_busy_frames_stay_below_150_kilobytes() -> None:
    rng = np.random.default_rng(0)
    events = rng.poisson(0.15, (2, 720, 1280)).astype(np.uint8)
    rows = [(*rng.uniform(0, 600, 2), *rng.uniform(5, 100, 2)) for _ in range(40)]
    assert len(frame_picture(events, findings(boxes(*rows), boxes(*rows)), NAMES)) < 150_000


def test_boxes_of_any_size_and_place_and_names_in_any_script_are_drawn() -> None:
    wild = boxes((1e30, -1e30, 1e38, 1e38), (-5, -5, 0, 0), (500, 500, 3, 3), (10, 10, -4, 4))
    found = findings(wild, wild)
    events = np.zeros((2, 96, 160), np.uint8)
    names = ("行人\n\x1b[31m" + "x" * 10_000, "vehicle")
    assert opened(frame_picture(events, found, names)).shape == (384, 640, 3)
    for label in range(len(wild)):
        assert len(object_picture(events, found, names, label))


def test_the_same_moment_gives_the_same_bytes() -> None:
    events = np.random.default_rng(1).poisson(0.3, (2, 96, 160)).astype(np.uint8)
    found = findings(boxes((20, 20, 10, 10)), boxes((21, 20, 10, 10)))
    assert frame_picture(events, found, NAMES) == frame_picture(events, found, NAMES)
