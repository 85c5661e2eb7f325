"""Shared resamples."""

import numpy as np
import pytest

from reports.resamples import draw_resamples


def test_resamples_draw_as_many_recordings_as_there_are_and_repeat_with_their_seed() -> None:
    drawn = draw_resamples(25, resamples=2000, seed=3)
    assert drawn.shape == (2000, 25)
    assert (drawn.sum(axis=1) == 25).all()
    np.testing.assert_allclose(drawn.mean(axis=0), 1, atol=0.1)
    np.testing.assert_allclose(drawn.var(), 24 / 25, atol=0.02)
    np.testing.assert_array_equal(drawn, draw_resamples(25, resamples=2000, seed=3))
    assert (drawn != draw_resamples(25, resamples=2000, seed=4)).any()


def test_resamples_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="num_recordings=0"):
        draw_resamples(0)
