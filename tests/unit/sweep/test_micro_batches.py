from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.micro_batches import MicroBatch
from trainable.config import Config, compose


def demo(*overrides: str) -> Config:
    return compose(["dataset=demo", "dataset.path=/data", "+experiment=demo", *overrides])


@pytest.mark.parametrize(
    ("effective", "expected"), [(8, [8, 4, 2, 1]), (6, [6, 3, 1]), (9, [9, 3, 1]), (10, [10, 5, 2, 1])]
)
def test_micro_batches_shrink_to_divisors_of_the_effective_batch(effective: int, expected: list[int]) -> None:
    tried = [MicroBatch(effective)]
    while (smaller := tried[-1].smaller(effective)) is not None:
        tried.append(smaller)
    assert [micro_batch.rows for micro_batch in tried] == expected
    assert tried[-1].out_of_memory == len(expected) - 1


@given(st.integers(1, 200), st.data())
def test_a_smaller_micro_batch_is_at_most_half_and_divides(effective: int, data: st.DataObject) -> None:
    rows = data.draw(st.sampled_from([rows for rows in range(1, effective + 1) if effective % rows == 0]))
    smaller = MicroBatch(rows).smaller(effective)
    assert (smaller is None) == (rows == 1)
    assert smaller is None or (effective % smaller.rows == 0 and 1 <= smaller.rows <= rows / 2)


def test_a_run_begins_with_the_configured_micro_batch_and_remembers_a_smaller_one(tmp_path: Path) -> None:
    assert MicroBatch.read(tmp_path, demo()) == MicroBatch(8)
    config = demo("batch_size.micro=4")
    assert MicroBatch.read(tmp_path, config) == MicroBatch(4)
    MicroBatch(2, 1).write(tmp_path)
    assert MicroBatch.read(tmp_path, config) == MicroBatch(2, 1)


def test_a_validation_that_does_not_fit_takes_half_the_rows_and_leaves_the_micro_batch() -> None:
    tried = [MicroBatch(8)]
    while (smaller := tried[-1].smaller_validation(6)) is not None:
        tried.append(smaller)
    assert [(batch.rows, batch.eval_rows, batch.out_of_memory) for batch in tried] == [
        (8, None, 0),
        (8, 3, 1),
        (8, 1, 2),
    ]
    assert tried[-1].changes() == {"batch_size.micro": 8, "batch_size.eval": 1}
    assert tried[-1].tags()["evsweep.eval_batch"] == "1"
    assert "evsweep.eval_batch" not in tried[0].tags()
