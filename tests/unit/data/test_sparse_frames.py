import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from trainable.data.sparse_frames import SparseFrames

DENSE = npst.arrays(
    np.uint8,
    npst.array_shapes(min_dims=4, max_dims=4, max_side=6),
    elements=st.sampled_from([0, 0, 0, 1, 9, 255]),
)


@settings(deadline=None)
@given(DENSE)
def test_sparse_frames_give_back_the_dense_frames(dense: np.ndarray) -> None:
    sparse = SparseFrames.from_dense(dense)

    assert len(sparse) == len(dense)
    assert (sparse.indices.dtype, sparse.values.dtype, sparse.offsets.dtype) == (np.uint32, np.uint8, np.int64)
    assert np.all(sparse.values > 0)
    np.testing.assert_array_equal(sparse.to_dense(), dense)


@settings(deadline=None)
@given(DENSE, st.data())
def test_a_slice_of_sparse_frames_is_the_slice_of_the_dense_ones(dense: np.ndarray, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(dense)))
    stop = data.draw(st.integers(start, len(dense)))
    np.testing.assert_array_equal(SparseFrames.from_dense(dense).frames(start, stop).to_dense(), dense[start:stop])


@settings(deadline=None)
@given(DENSE, st.data())
def test_parts_concatenate_to_the_whole(dense: np.ndarray, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(dense)))
    sparse = SparseFrames.from_dense(dense)
    whole = SparseFrames.concatenate([sparse.frames(0, cut), sparse.frames(cut, len(dense))])
    np.testing.assert_array_equal(whole.to_dense(), dense)
    np.testing.assert_array_equal(whole.offsets, sparse.offsets)


def test_no_frames_stay_no_frames() -> None:
    dense = np.zeros((0, 2, 3, 4), dtype=np.uint8)
    assert SparseFrames.from_dense(dense).to_dense().shape == (0, 2, 3, 4)


def test_frames_of_different_shapes_do_not_concatenate() -> None:
    parts = [SparseFrames.from_dense(np.ones((1, 1, 2, width), dtype=np.uint8)) for width in (2, 3)]
    with pytest.raises(ValueError, match="must share one shape"):
        SparseFrames.concatenate(parts)


@pytest.mark.parametrize(("start", "stop"), [(-1, 1), (0, 4), (2, 1)])
def test_a_range_outside_the_frames_is_refused(start: int, stop: int) -> None:
    sparse = SparseFrames.from_dense(np.ones((3, 1, 1, 1), dtype=np.uint8))
    with pytest.raises(IndexError, match="not within the 3 frames"):
        sparse.frames(start, stop)
