import torch

from trainable.model import postprocess


def predictions(*rows):
    return torch.tensor([rows])


def test_a_detection_is_corners_objectness_class_probability_and_class():
    (detections,) = postprocess(predictions([10.0, 20.0, 4.0, 6.0, 0.5, 0.25, 0.75]), 2, 0.3, 0.5)
    torch.testing.assert_close(detections, torch.tensor([[8.0, 17.0, 12.0, 23.0, 0.5, 0.75, 1.0]]))


def test_the_score_is_objectness_times_class_probability_and_may_equal_the_threshold():
    rows = [10.0, 10.0, 4.0, 4.0, 0.5, 0.5], [50.0, 10.0, 4.0, 4.0, 0.5, 0.49]
    (detections,) = postprocess(predictions(*rows), 1, 0.25, 0.5)
    assert len(detections) == 1


def test_only_boxes_of_the_same_class_suppress_each_other():
    box = [10.0, 10.0, 4.0, 4.0, 1.0]
    rows = [*box, 0.9, 0.0], [*box, 0.8, 0.0], [*box, 0.0, 0.7]
    (detections,) = postprocess(predictions(*rows), 2, 0.1, 0.5)
    assert detections[:, 5:].tolist() == torch.tensor([[0.9, 0.0], [0.7, 1.0]]).tolist()


def test_frames_are_kept_apart_and_sorted_by_score():
    one = torch.tensor([[10.0, 10.0, 4.0, 4.0, 0.4, 1.0], [90.0, 10.0, 4.0, 4.0, 0.9, 1.0]])
    nothing = torch.zeros_like(one)
    first, second, third = postprocess(torch.stack((one, nothing, one.flip(0))), 1, 0.1, 0.5)
    assert first[:, 4].tolist() == third[:, 4].tolist() == torch.tensor([0.9, 0.4]).tolist()
    assert second.shape == (0, 7)


def test_nan_and_infinite_predictions_are_dropped():
    good = [10.0, 10.0, 4.0, 4.0, 0.9, 0.9]
    rows = [good]
    for column in range(6):
        for value in (float("nan"), float("inf")):
            bad = list(good)
            bad[column] = value
            rows.append(bad)
    (detections,) = postprocess(predictions(*rows), 1, 0.1, 0.5)
    assert detections.isfinite().all()
    assert len(detections) == 1


def test_predictions_stay_as_they_were():
    given = torch.rand(2, 50, 8) * 20
    before = given.clone()
    postprocess(given, 3, 0.1, 0.5)
    assert torch.equal(given, before)


def test_no_frames_give_an_empty_list():
    assert postprocess(torch.zeros(0, 10, 6), 1, 0.1, 0.5) == []
