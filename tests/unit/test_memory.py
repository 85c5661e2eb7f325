import pytest
import torch

from trainable.config import Config, compose
from trainable.hardware import resolve_devices
from trainable.memory import BOXES_A_FRAME, measure_memory, worst_case_batch


@pytest.fixture
def small() -> Config:
    return compose(
        [
            "dataset=demo",
            "dataset.path=none",
            "dataset.resolution_hw=[96,160]",
            "+experiment=demo",
            "batch_size.train=3",
        ]
    )


def test_the_worst_case_labels_every_frame_with_many_boxes(small: Config) -> None:
    batch = worst_case_batch(small, rows=2)
    assert batch.labels.shape == (2 * small.dataset.sequence_length, BOXES_A_FRAME, 5)
    assert (batch.labels[..., 3:] > 0).all()
    assert batch.dense_events().shape == (small.dataset.sequence_length, 2, 20, 48, 80)
    assert torch.equal(batch.label_time.bincount(), torch.full((small.dataset.sequence_length,), 2))


def test_growing_micro_batches_and_the_evaluation_are_measured_in_processes_of_their_own(small: Config) -> None:
    assert resolve_devices(small).accelerator == "cpu"
    costs = list(measure_memory(small))
    assert [(cost.phase, cost.rows) for cost in costs] == [
        ("training", 1),
        ("training", 2),
        ("training", 3),
        ("evaluation", small.batch_size.eval),
    ]
    assert all(cost.seconds > 0 for cost in costs)
    assert costs[0].peak_mib < costs[2].peak_mib
