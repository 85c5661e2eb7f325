from collections.abc import Callable

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
from trainable.data.augmentation import NO_AUGMENTATION
from trainable.data.dataset import DetectionDataset
from trainable.data.sequence import Sequence
from trainable.data.windows import SampleKey, Source

OFF = Rotate(prob=0.0, min_angle_deg=0.0, max_angle_deg=0.0)
STREAM = StreamAugmentation(
    prob_hflip=0.5, rotate=OFF, zoom=StreamZoom(prob=0.5, zoom_out=ZoomOut(factor=FactorRange(min=1.0, max=1.2)))
)
ZOOM_IN = RandomAugmentation(
    prob_hflip=0.0,
    rotate=OFF,
    zoom=RandomZoom(
        prob=1.0,
        zoom_in=WeightedZoom(weight=1.0, factor=FactorRange(min=2.0, max=2.0)),
        zoom_out=WeightedZoom(weight=0.0, factor=FactorRange(min=1.0, max=1.0)),
    ),
)


def key(source: Source, *, sequence: int = 0, start: int = 0, stop: int = 5, ordinal: int = 0) -> SampleKey:
    return SampleKey(0, sequence, start, stop, False, source, ordinal)


@pytest.fixture
def crossing(write_sequence: Callable[..., Sequence]) -> Sequence:
    """A box far left, then one far right: no view of half the width holds both."""
    frames = np.zeros((5, 2, 20, 40), dtype=np.uint8)
    return write_sequence("crossing", frames, {1: [(2, 0, 0, 4, 4)], 4: [(1, 34, 14, 4, 4), (0, 32, 12, 6, 6)]})


def test_a_sample_has_the_frames_and_labels_of_its_window(sequences: list[Sequence]) -> None:
    sample = DetectionDataset(sequences)[key("stream", sequence=2, start=7, stop=12)]
    assert np.array_equal(sample.events.to_dense(), sequences[2].read(7, 12).to_dense())
    assert sample.label_frames.tolist() == [8, 11]
    expected = np.concatenate([sequences[2].labels(8), sequences[2].labels(11)])
    assert sample.boxes[:, 0].tolist() == expected["class_id"].tolist()
    np.testing.assert_allclose(sample.boxes[:, 1], expected["x"] + expected["w"] / 2, rtol=1e-6)
    np.testing.assert_allclose(sample.boxes[:, 2], expected["y"] + expected["h"] / 2, rtol=1e-6)
    np.testing.assert_allclose(sample.boxes[:, 3], expected["w"], rtol=1e-5)
    np.testing.assert_allclose(sample.boxes[:, 4], expected["h"], rtol=1e-5)
    assert np.bincount(sample.label_of_box).tolist() == [len(sequences[2].labels(8)), len(sequences[2].labels(11))]


def test_a_window_without_labels_gives_none(sequences: list[Sequence]) -> None:
    sample = DetectionDataset(sequences)[key("eval", start=3, stop=5)]
    assert (len(sample.label_frames), sample.boxes.shape, len(sample.events)) == (0, (0, 5), 2)


def test_only_random_windows_are_limited_to_their_end_labels(sequences: list[Sequence]) -> None:
    dataset = DetectionDataset(sequences, only_load_end_labels=True)
    assert dataset[key("random", start=4, stop=9)].label_frames.tolist() == [8]
    assert dataset[key("stream", start=4, stop=9)].label_frames.tolist() == [5, 8]


def test_one_stream_sub_sequence_keeps_its_augmentation_and_others_differ(sequences: list[Sequence]) -> None:
    dataset = DetectionDataset(sequences, stream_augmentation=STREAM)
    draws = {
        ordinal: {
            dataset[key("stream", sequence=2, start=start, stop=start + 5, ordinal=ordinal)].augmentation
            for start in (0, 5, 10, 15)
        }
        for ordinal in range(8)
    }
    assert all(len(draw) == 1 for draw in draws.values())
    assert len(set.union(*draws.values())) > 3


def test_augmentation_depends_on_the_seed_and_not_on_what_was_loaded_before(sequences: list[Sequence]) -> None:
    asked = [key("stream", sequence=2, ordinal=ordinal) for ordinal in range(20)]
    first, again, other = (DetectionDataset(sequences, seed=seed, stream_augmentation=STREAM) for seed in (1, 1, 2))
    forwards = [first[one].augmentation for one in asked]
    backwards = [again[one].augmentation for one in reversed(asked)]
    assert forwards == backwards[::-1]
    assert forwards != [other[one].augmentation for one in asked]


def test_streams_and_random_windows_have_augmentations_of_their_own(sequences: list[Sequence]) -> None:
    dataset = DetectionDataset(sequences, random_augmentation=ZOOM_IN)
    assert dataset[key("random", sequence=2)].augmentation.zoom_in is not None
    assert dataset[key("stream", sequence=2)].augmentation == NO_AUGMENTATION
    assert dataset[key("eval", sequence=2)].augmentation == NO_AUGMENTATION


def test_a_labelled_frame_that_augmentation_empties_is_not_labelled_in_training(crossing: Sequence) -> None:
    for ordinal in range(10):
        sample = DetectionDataset([crossing], random_augmentation=ZOOM_IN)[key("random", ordinal=ordinal)]
        assert sample.label_frames.tolist() == [4]
        assert set(sample.label_of_box.tolist()) == {0}
        assert set(sample.boxes[:, 0].tolist()) <= {0.0, 1.0}
        left, right = sample.boxes[:, 1] - sample.boxes[:, 3] / 2, sample.boxes[:, 1] + sample.boxes[:, 3] / 2
        assert left.min() >= 0
        assert right.max() <= 40
