import json
from pathlib import Path

import numpy as np
import pytest

from trainable.data import stacked_histogram


@pytest.mark.parametrize("case", range(5))
def test_stacked_histogram_equals_rvts_to_the_last_count(shared_dir: Path, case: int) -> None:
    with np.load(shared_dir / "golden" / "stacked_histogram.npz", allow_pickle=False) as golden:
        x, y, polarity, t = (golden[f"{case}_{name}"] for name in ("x", "y", "p", "t"))
        expected, settings = golden[f"{case}_out"], json.loads(str(golden[f"{case}_meta"]))

    counts = stacked_histogram(x, y, polarity, t, **settings)

    assert counts.dtype == np.uint8
    np.testing.assert_array_equal(counts, expected)
