"""The fast path against the plain one, and comparisons of real match records."""

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest

from reports.bootstrap import BootstrappedMetrics, bootstrap_metrics
from reports.comparison import compare, figure
from reports.resamples import draw_resamples
from trainable.errors import DataError
from trainable.evaluation import (
    GEN4_BOX_FILTER,
    EvaluationProtocol,
    FrameBoxes,
    MatchRecords,
    collect_match_records,
    metrics_from_records,
)

CLASSES = ("pedestrian", "car", "tram", "wheelchair")


def random_records(
    seed: int, *, frames: int = 40, recordings: int = 8, noise_px: float = 2.5, names: tuple[str, ...] | None = None
) -> MatchRecords:
    """Trams are in one recording only, wheelchairs in none; each truth is detected twice, some as another class."""
    truth_rng, rng = np.random.default_rng(0), np.random.default_rng(seed)
    n = frames * 7
    frame = truth_rng.integers(0, frames, n)
    sequence = np.arange(frames) * recordings // frames
    class_id = np.where((sequence[frame] == 2) & (truth_rng.random(n) < 0.3), 2, truth_rng.integers(0, 2, n))
    truths = FrameBoxes(frame, truth_rng.uniform(5, 80, (n, 4)), class_id)
    twice = np.tile(np.arange(n), 2)
    found_class = np.where(rng.random(2 * n) < 0.1, rng.integers(0, 4, 2 * n), class_id[twice])
    noise = rng.normal(0, noise_px, (2 * n, 4)).clip(-4, 4)
    detections = FrameBoxes(frame[twice], truths.xywh[twice] + noise, found_class, rng.random(2 * n))
    protocol = EvaluationProtocol(
        CLASSES,
        small_object_classes=("pedestrian", "tram"),
        box_filter=GEN4_BOX_FILTER,
        downsample_by_factor_2=True,
        max_detections=(1, 5, 20),
    )
    return collect_match_records(
        truths,
        detections,
        protocol,
        frame_times_us=np.arange(frames) * 100_000,
        frame_sequences=sequence,
        sequence_names=names or [f"recording {number}" for number in range(recordings)],
    )


def runs(seeds: range, noise_px: float) -> list[BootstrappedMetrics]:
    multiplicities = draw_resamples(8, resamples=100)
    return [bootstrap_metrics(random_records(seed, noise_px=noise_px), multiplicities) for seed in seeds]


def test_every_metric_of_every_resample_equals_the_plain_path() -> None:
    records = random_records(1)
    multiplicities = draw_resamples(8, resamples=70)
    multiplicities[0] = [0, 0, 8, 0, 0, 0, 0, 0]
    multiplicities[1] = 0
    fast = bootstrap_metrics(records, multiplicities)
    columns = zip(chain([None], multiplicities), chain([fast.point], fast.resampled.T), strict=True)
    for counts, actual in columns:
        expected = metrics_from_records(records, counts).flat()
        assert fast.names == tuple(expected)
        np.testing.assert_allclose(actual, list(expected.values()), rtol=0, atol=1e-12)
    assert "prophesee/AP_S" in fast.names
    assert "AP_sensor/400-1024" in fast.names


def test_without_detections_precision_is_zero_and_without_truths_undefined() -> None:
    nothing = FrameBoxes(np.empty(0), np.empty((0, 4)), np.empty(0), np.empty(0))
    truth = FrameBoxes(np.array([0]), np.array([[5.0, 5.0, 40.0, 40.0]]), np.array([0]))
    records = collect_match_records(truth, nothing, EvaluationProtocol(("car", "bus")), frame_sequences=[0, 1])
    fast = bootstrap_metrics(records, np.array([[2, 0], [0, 2]]))
    np.testing.assert_array_equal(fast.resampled[fast.row("AP")], [0, np.nan])
    assert np.isnan(fast.resampled[fast.row("AP_class/bus")]).all()


def test_effective_recordings_count_unequal_ones_for_less() -> None:
    run = bootstrap_metrics(random_records(1), draw_resamples(8, resamples=2))
    assert run.effective_recordings[run.row("AP_class/tram")] == 1
    assert 7 < run.effective_recordings[run.row("AP_class/car")] < 8
    assert run.effective_recordings[run.row("AP")] < run.effective_recordings[run.row("AP_class_agnostic")]
    assert np.isnan(run.effective_recordings[run.row("AP_class/wheelchair")])


def test_nothing_is_said_of_a_class_in_a_single_recording() -> None:
    found = compare(runs(range(3), 1.0), runs(range(3, 6), 3.0), "AP_class/tram")
    assert np.isfinite(found.difference.value)
    assert np.isnan(found.difference.p_value)
    assert found.verdict() == "not shown"


def test_better_boxes_are_better_with_seeds_and_not_shown_with_one() -> None:
    good, bad = runs(range(3), 1.0), runs(range(3, 6), 3.0)
    assert compare(good, bad, "AP").verdict() == "better"
    assert compare(bad, good, "AP").verdict() == "worse"
    assert compare(good, bad, "AP").verdict(p_value=0.06) == "not shown"
    single = compare(good[:1], bad, "AP")
    assert single.difference.low > 0
    assert single.verdict() == "not shown"
    assert single.seeds == (1, 3)


def test_a_configuration_does_not_differ_from_itself() -> None:
    same = runs(range(1), 2.0)
    found = compare(same, same, "AP").difference
    assert (found.value, found.low, found.high, found.p_value, found.probability_positive) == (0, 0, 0, 1, 0.5)


def test_a_figure_has_the_mean_over_seeds_inside_its_interval() -> None:
    some = runs(range(3), 2.0)
    found = figure(some, "AP_S")
    assert found.value == pytest.approx(np.mean([run.point[run.row("AP_S")] for run in some]))
    assert found.low < found.value < found.high
    assert found.covers_seeds


def test_runs_that_cannot_be_paired_are_refused() -> None:
    draws = draw_resamples(8, resamples=4)
    run = bootstrap_metrics(random_records(1), draws)
    renamed = bootstrap_metrics(random_records(1, names=tuple("abcdefgh")), draws)
    redrawn = bootstrap_metrics(random_records(1), draw_resamples(8, resamples=4, seed=1))
    with pytest.raises(DataError, match="same recordings in the same order"):
        compare([run], [renamed], "AP")
    with pytest.raises(DataError, match="must share their resamples"):
        compare([run], [redrawn], "AP")
    with pytest.raises(DataError, match="at least one run"):
        compare([run], [], "AP")
    with pytest.raises(DataError, match=r"got 'AP_s'; near are \['AP_S'"):
        compare([run], [run], "AP_s")
    with pytest.raises(DataError, match=r"shape \(resamples, 8\)"):
        bootstrap_metrics(random_records(1), draws[:, :7])


def test_the_interval_of_a_share_ends_at_0_and_1_and_that_of_a_count_does_not() -> None:
    [run] = runs(range(1), 2.0)
    wild = np.where(np.arange(run.resampled.shape[1]) % 2, -3.0, 3.0)
    run = replace(run, resampled=np.broadcast_to(wild, run.resampled.shape))
    share, count = figure([run], "AP_S"), figure([run], "count/truths")
    assert (share.low, share.high) == (0, 1)
    assert count.low < count.value < count.high
    assert count.high > 1
