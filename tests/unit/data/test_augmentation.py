import numpy as np
import pytest

from trainable.config.dataset_schema import (
    FactorRange,
    RandomAugmentation,
    RandomZoom,
    Rotate,
    StreamAugmentation,
    StreamZoom,
    WeightedZoom,
    ZoomOut,
)
from trainable.data.augmentation import Augmentation, FloatArray, Window, augment_boxes, draw_augmentation

HEIGHT, WIDTH = 360, 640
NO_BOXES = np.zeros((0, 4))


def random_settings(
    *, flip: float = 0.5, rotate: float = 0.0, zoom: float = 0.8, zoom_in: float = 8.0, zoom_out: float = 2.0
) -> RandomAugmentation:
    return RandomAugmentation(
        prob_hflip=flip,
        rotate=Rotate(prob=rotate, min_angle_deg=2.0, max_angle_deg=6.0),
        zoom=RandomZoom(
            prob=zoom,
            zoom_in=WeightedZoom(weight=zoom_in, factor=FactorRange(min=1.0, max=1.5)),
            zoom_out=WeightedZoom(weight=zoom_out, factor=FactorRange(min=1.0, max=1.2)),
        ),
    )


def draw(
    settings: RandomAugmentation | StreamAugmentation,
    seed: int,
    boxes: FloatArray = NO_BOXES,
    label_of_box: list[int] | None = None,
) -> Augmentation:
    labels = np.array(label_of_box if label_of_box is not None else [0] * len(boxes), dtype=np.int64)
    rng = np.random.default_rng(seed)
    return draw_augmentation(settings, rng, height=HEIGHT, width=WIDTH, boxes_xyxy=boxes, label_of_box=labels)


def moved(box: list[float], augmentation: Augmentation, height: int = 100, width: int = 200) -> list[float]:
    boxes, _ = augment_boxes(np.array([box]), augmentation, height=height, width=width)
    return [float(value) for value in boxes[0]]


def test_flip_mirrors_a_box_about_the_middle_of_the_frame() -> None:
    assert moved([0, 10, 30, 20], Augmentation(flip=True)) == [170, 10, 200, 20]


def test_quarter_turn_moves_a_box_counter_clockwise() -> None:
    assert moved([60, 40, 80, 50], Augmentation(angle_deg=90.0), 100, 100) == pytest.approx([40, 20, 50, 40])


def test_zooming_in_enlarges_a_box_about_the_window() -> None:
    assert moved([60, 30, 80, 45], Augmentation(zoom_in=Window(50, 20, 100, 50))) == [20, 20, 60, 50]


def test_zooming_out_shrinks_a_box_into_the_window() -> None:
    assert moved([20, 20, 60, 50], Augmentation(zoom_out=Window(50, 20, 100, 50))) == [60, 30, 80, 45]


def test_a_box_is_kept_as_long_as_anything_of_it_is_in_view() -> None:
    boxes = np.array([[0, 0, 50, 50], [0, 0, 50.5, 50.5], [40, 40, 60, 60], [150, 70, 200, 100]], dtype=np.float64)
    clipped, in_view = augment_boxes(boxes, Augmentation(zoom_in=Window(50, 20, 100, 50)), height=100, width=200)
    assert in_view.tolist() == [False, True, True, False]
    assert clipped[1].tolist() == [0, 0, 1, 61]


def test_what_rotation_cut_off_does_not_come_back_by_zooming_out() -> None:
    augmentation = Augmentation(angle_deg=5.0, zoom_out=Window(50, 25, 100, 50))
    boxes, _ = augment_boxes(np.array([[0.0, 0.0, 200.0, 100.0]]), augmentation, height=100, width=200)
    assert boxes.tolist() == [[50, 25, 150, 75]]


def test_no_boxes_stay_no_boxes() -> None:
    augmentation = Augmentation(flip=True, angle_deg=3.0, zoom_in=Window(0, 0, 100, 50))
    boxes, in_view = augment_boxes(NO_BOXES, augmentation, height=100, width=200)
    assert (boxes.shape, in_view.shape) == ((0, 4), (0,))


def test_zero_probabilities_draw_nothing() -> None:
    settings = random_settings(flip=0.0, rotate=0.0, zoom=0.0)
    assert {draw(settings, seed, np.array([[1.0, 2.0, 30.0, 40.0]])) for seed in range(50)} == {Augmentation()}


def test_draws_follow_their_probabilities() -> None:
    box = np.array([[100.0, 100.0, 130.0, 140.0]])
    draws = [draw(random_settings(rotate=0.25), seed, box) for seed in range(3000)]

    def share(matches: list[bool]) -> float:
        return sum(matches) / len(draws)

    assert share([one.flip for one in draws]) == pytest.approx(0.5, abs=0.04)
    assert share([one.angle_deg != 0 for one in draws]) == pytest.approx(0.25, abs=0.04)
    assert share([one.zoom_in is not None for one in draws]) == pytest.approx(0.64, abs=0.04)
    assert share([one.zoom_out is not None for one in draws]) == pytest.approx(0.16, abs=0.04)
    assert not any(one.zoom_in and one.zoom_out for one in draws)


def test_angles_lie_in_their_range_on_both_sides() -> None:
    angles = np.array([draw(random_settings(rotate=1.0), seed).angle_deg for seed in range(300)])
    assert ((np.abs(angles) >= 2) & (np.abs(angles) <= 6)).all()
    assert 0.4 < (angles > 0).mean() < 0.6


def test_zoom_window_shows_the_whole_of_a_box_of_the_last_labelled_frame() -> None:
    boxes = np.array([[0, 0, 10, 10], [500, 300, 640, 360], [250, 5, 300, 25]], dtype=np.float64)
    shown = np.zeros(3, dtype=bool)
    for seed in range(300):
        window = draw(random_settings(flip=0.0, zoom=1.0, zoom_out=0.0), seed, boxes, [0, 1, 1]).zoom_in
        assert window is not None
        assert 640 / 1.5 - 1 <= window.width <= 640
        assert 0 <= window.left <= 640 - window.width
        assert 0 <= window.top <= 360 - window.height
        low, high = (window.left, window.top), (window.left + window.width, window.top + window.height)
        whole = (boxes[:, :2] >= low).all(axis=1) & (boxes[:, 2:] <= high).all(axis=1)
        assert whole[1:].any()
        shown |= whole
    assert shown[1:].all()


def test_zoom_window_lies_within_a_box_that_is_larger_than_it() -> None:
    for seed in range(100):
        window = draw(
            random_settings(flip=0.0, zoom=1.0, zoom_out=0.0), seed, np.array([[100.0, 0.0, 600.0, 360.0]])
        ).zoom_in
        assert window is not None
        if window.width <= 500:
            assert 100 <= window.left <= window.left + window.width <= 600


def test_zoom_window_is_placed_around_the_flipped_box() -> None:
    left = np.array([[0.0, 0.0, 20.0, 20.0]])
    windows = [draw(random_settings(flip=1.0, zoom=1.0, zoom_out=0.0), seed, left).zoom_in for seed in range(20)]
    assert all(window is not None and window.left + window.width == WIDTH for window in windows)


def test_nothing_is_zoomed_in_without_boxes() -> None:
    assert {draw(random_settings(flip=0.0, zoom=1.0, zoom_out=0.0), seed) for seed in range(20)} == {Augmentation()}


def test_a_stream_is_only_zoomed_out_and_does_not_look_at_its_boxes() -> None:
    settings = StreamAugmentation(
        prob_hflip=0.5,
        rotate=Rotate(prob=0.5, min_angle_deg=2.0, max_angle_deg=6.0),
        zoom=StreamZoom(prob=0.5, zoom_out=ZoomOut(factor=FactorRange(min=1.0, max=1.2))),
    )
    box = np.array([[100.0, 100.0, 130.0, 140.0]])
    draws = [draw(settings, seed) for seed in range(300)]
    assert draws == [draw(settings, seed, box) for seed in range(300)]
    assert all(one.zoom_in is None for one in draws)
    windows = [one.zoom_out for one in draws if one.zoom_out]
    assert 0.4 < len(windows) / len(draws) < 0.6
    assert all(window.width >= 640 / 1.2 - 1 and window.left + window.width <= 640 for window in windows)
