"""Holm's adjustment."""

import numpy as np
import pytest

from reports.multiple import holm


def test_holm_multiplies_the_smallest_by_the_number_of_comparisons() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


def test_holm_never_exceeds_one_and_leaves_out_what_is_undefined() -> None:
    np.testing.assert_allclose(holm([np.nan, 0.8, 0.6]), [np.nan, 1, 1])
    assert holm([]).shape == (0,)


@pytest.mark.parametrize("comparisons", [2, 10])
def test_holm_errs_in_any_of_many_true_hypotheses_in_5_percent(comparisons: int) -> None:
    p_values = np.random.default_rng(0).random((4000, comparisons))
    assert np.mean([holm(row).min() < 0.05 for row in p_values]) == pytest.approx(0.05, abs=0.01)
