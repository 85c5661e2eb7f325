import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainable.data import stacked_histogram

Events = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def plain_histogram(
    x: np.ndarray, y: np.ndarray, polarity: np.ndarray, t: np.ndarray, bins: int, height: int, width: int, cutoff: int
) -> np.ndarray:
    """The representation by its definition: one count at a time, in 64 bits, cut at the end."""
    counts = np.zeros((2, bins, height, width), dtype=np.int64)
    if len(t):
        share = (t - t[0]).astype(np.float32) / np.float32(max(t[-1] - t[0], 1))
        time_bin = np.minimum((share * np.float32(bins)).astype(np.int64), bins - 1)
        np.add.at(counts, ((polarity > 0).astype(np.int64), time_bin, y, x), 1)
    return np.minimum(counts, cutoff).astype(np.uint8).reshape(2 * bins, height, width)


def random_events(seed: int, count: int, height: int, width: int, duration: int) -> Events:
    generator = np.random.default_rng(seed)
    return (
        generator.integers(0, width, count).astype(np.uint16),
        generator.integers(0, height, count).astype(np.uint16),
        generator.integers(0, 2, count).astype(np.uint8),
        np.sort(generator.integers(0, duration, count)) + 1_000_000_000,
    )


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 400),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    duration=st.sampled_from([1, 2, 7, 50_001, 10**9]),
    bins=st.integers(1, 12),
    cutoff=st.sampled_from([None, 1, 3, 255, 1000]),
)
def test_compiled_counts_equal_the_plain_definition(
    seed: int, count: int, height: int, width: int, duration: int, bins: int, cutoff: int | None
) -> None:
    events = random_events(seed, count, height, width, duration)
    counts = stacked_histogram(*events, bins=bins, height=height, width=width, count_cutoff=cutoff)
    np.testing.assert_array_equal(counts, plain_histogram(*events, bins, height, width, min(cutoff or 255, 255)))


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(2, 11), width=st.integers(2, 11))
def test_half_resolution_is_the_odd_rows_and_columns_of_full_resolution(seed: int, height: int, width: int) -> None:
    events = random_events(seed, 300, height, width, 50_000)
    full = stacked_histogram(*events, bins=4, height=height, width=width, count_cutoff=10)
    half = stacked_histogram(*events, bins=4, height=height, width=width, count_cutoff=10, downsample_by_factor_2=True)
    np.testing.assert_array_equal(half, full[:, 1::2, 1::2])


def test_hot_pixels_stop_at_255_instead_of_wrapping() -> None:
    x = np.zeros(1000, dtype=np.uint16)
    counts = stacked_histogram(x, x, x, np.zeros(1000, np.int64), bins=1, height=1, width=1, count_cutoff=None)
    assert counts.reshape(-1).tolist() == [255, 0]


def test_negative_polarity_counts_as_falling_light() -> None:
    zeros = np.zeros(3, dtype=np.int64)
    counts = stacked_histogram(zeros, zeros, np.array([-1, 0, 1]), zeros, bins=1, height=1, width=1, count_cutoff=10)
    assert counts.reshape(-1).tolist() == [2, 1]


@pytest.mark.parametrize("downsample_by_factor_2", [False, True])
@pytest.mark.parametrize(("x", "y"), [(4, 0), (0, 3), (-1, 0), (0, -1)])
def test_an_event_outside_the_sensor_is_refused_by_position(x: int, y: int, downsample_by_factor_2: bool) -> None:
    zeros = np.zeros(2, dtype=np.int64)
    with pytest.raises(ValueError, match=rf"event 1 at x={x}, y={y} lies outside the sensor of 4x3 pixels"):
        stacked_histogram(
            np.array([0, x]),
            np.array([0, y]),
            zeros,
            zeros,
            bins=1,
            height=3,
            width=4,
            count_cutoff=10,
            downsample_by_factor_2=downsample_by_factor_2,
        )


def test_fields_of_different_lengths_are_refused() -> None:
    two, three = np.zeros(2, np.int64), np.zeros(3, np.int64)
    with pytest.raises(ValueError, match="equally long, got 2, 2, 2 and 3"):
        stacked_histogram(two, two, two, three, bins=1, height=1, width=1, count_cutoff=10)


@pytest.mark.parametrize("bad", [{"bins": 0}, {"height": 0}, {"width": -1}, {"count_cutoff": 0}])
def test_sizes_that_are_not_positive_are_refused(bad: dict[str, int]) -> None:
    none = np.zeros(0, np.int64)
    sizes = {"bins": 1, "height": 1, "width": 1, "count_cutoff": 10} | bad
    with pytest.raises(ValueError, match="sizes must be positive"):
        stacked_histogram(none, none, none, none, **sizes)
