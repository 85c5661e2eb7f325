import threading
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from trainable.boxes import BOX_DTYPE
from trainable.event_picture import (
    BACKGROUND,
    FALLING_LIGHT,
    LONG_SIDE_PX,
    RISING_LIGHT,
    event_colours,
    save_event_picture,
)

NAMES = ("pedestrian", "car")
GREEN, ORANGE = (61, 220, 132), (255, 166, 43)


def boxes(*rows: tuple[float, float, float, float, int, float]) -> np.ndarray:
    table = np.zeros(len(rows), BOX_DTYPE)
    for row, (x, y, w, h, class_id, score) in zip(table, rows, strict=True):
        row["x"], row["y"], row["w"], row["h"], row["class_id"], row["class_confidence"] = x, y, w, h, class_id, score
    return table


def draw(path: Path, colours: np.ndarray, labels: np.ndarray, detections: np.ndarray) -> np.ndarray:
    save_event_picture(path, colours, caption="day_0, 1.00 s", labels=labels, detections=detections, class_names=NAMES)
    return np.rint(matplotlib.image.imread(path)[..., :3] * 255).astype(int)


def count(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((np.abs(picture - colour) <= 2).all(axis=2).sum())


def test_rising_falling_and_no_light_have_the_colours_that_they_are_said_to_have() -> None:
    frame = np.zeros((4, 1, 4), np.uint8)  # two bins, falling light first
    frame[0, 0, 0] = frame[3, 0, 1] = 200
    frame[1, 0, 2] = 1
    falling, rising, weak, empty = event_colours(frame)[0].tolist()
    assert tuple(falling) == FALLING_LIGHT
    assert tuple(rising) == RISING_LIGHT
    assert tuple(empty) == BACKGROUND
    assert sum(empty) < sum(weak) < sum(falling)


def test_a_picture_is_enlarged_and_shows_labels_and_detections_where_they_are(tmp_path: Path) -> None:
    colours = event_colours(np.zeros((2, 48, 80), np.uint8))
    labels, detections = boxes((8, 8, 10, 12, 1, 0)), boxes((50, 20, 6, 6, 0, 0.5))
    picture = draw(tmp_path / "a.png", colours, labels, detections)
    scale = LONG_SIDE_PX // 80
    assert picture.shape[1] == 80 * scale
    caption = picture.shape[0] - 48 * scale
    left = picture[caption:, : 40 * scale]
    right = picture[caption:, 40 * scale :]
    assert count(left, GREEN) > 500
    assert count(right, ORANGE) > 300
    assert (count(left, ORANGE), count(right, GREEN)) == (0, 0)
    edge = picture[caption + 14 * scale, 8 * scale - 2 : 8 * scale + 2]  # the label's left side, half way down
    assert (np.abs(edge - GREEN) <= 2).all(axis=1).any()


def test_a_frame_without_boxes_is_drawn(tmp_path: Path) -> None:
    picture = draw(tmp_path / "a.png", event_colours(np.zeros((2, 48, 80), np.uint8)), boxes(), boxes())
    assert count(picture, BACKGROUND) > 0.9 * picture.shape[0] * picture.shape[1]


def test_the_same_picture_is_the_same_file_also_from_other_threads(tmp_path: Path) -> None:
    colours = event_colours(np.random.default_rng(0).poisson(0.1, (4, 30, 40)).astype(np.uint8))
    arguments = (colours, boxes((1, 1, 5, 5, 0, 0)), boxes((3, 3, 5, 5, 1, 0.9)))
    threads = [threading.Thread(target=draw, args=(tmp_path / f"{i}.png", *arguments)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(tmp_path / f"{i}.png").read_bytes() for i in range(3)}) == 1


def test_a_picture_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="absent"):
        draw(tmp_path / "absent" / "a.png", np.zeros((4, 4, 3), np.uint8), boxes(), boxes())
    assert list(tmp_path.iterdir()) == []
