import numpy as np
import pytest

from trainable.model.nms import suppress_by_group


def plain_suppression(boxes, scores, groups, iou_threshold):
    """Take the best box, strike out those of its group that overlap it, and so on."""
    kept, left = [], sorted(range(len(boxes)), key=lambda index: (-scores[index], index))
    while left:
        best, *left = left
        kept.append(best)
        left = [i for i in left if groups[i] != groups[best] or not iou(boxes[best], boxes[i]) > iou_threshold]
    return kept


def iou(a, b):
    width = max(min(a[2], b[2]) - max(a[0], b[0]), np.float32(0))
    height = max(min(a[3], b[3]) - max(a[1], b[1]), np.float32(0))
    overlap = width * height
    return overlap / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - overlap)


@pytest.mark.parametrize("seed", range(5))
def test_suppression_equals_its_plain_form(seed):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (120, 2))
    boxes = np.hstack((corner, corner + rng.uniform(2, 40, (120, 2)))).astype(np.float32)
    scores = rng.integers(0, 30, 120).astype(np.float32)  # with ties
    groups = rng.integers(0, 3, 120)
    kept = suppress_by_group(boxes, scores, groups, 0.45)
    assert sorted(kept.tolist()) == sorted(plain_suppression(boxes, scores, groups, 0.45))
    assert 0 < len(kept) < 120


def test_an_iou_equal_to_the_threshold_suppresses_nothing():
    boxes = np.array([[0, 0, 2, 1], [1, 0, 3, 1]], np.float32)  # IoU 1/3
    arguments = boxes, np.array([2, 1], np.float32), np.zeros(2, np.int64)
    assert len(suppress_by_group(*arguments, float(np.float32(1) / np.float32(3)))) == 2
    assert len(suppress_by_group(*arguments, 0.33)) == 1


def test_boxes_without_area_are_kept():
    boxes = np.ones((3, 4), np.float32)
    assert len(suppress_by_group(boxes, np.ones(3, np.float32), np.zeros(3, np.int64), 0.5)) == 3


def test_no_box_gives_no_index():
    empty = np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)
    assert suppress_by_group(*empty, 0.5).shape == (0,)
