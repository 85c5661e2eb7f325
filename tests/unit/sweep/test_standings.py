"""The table of trials and the line that sums it up."""

import io
import math
from dataclasses import replace

import pytest
from rich.console import Console

from sweep.standings import duration, print_table, seconds_left, standings_table, summary
from sweep.trial_rows import TrialRow

ROW = TrialRow(
    index=0,
    label="weight=2 [exact]",
    state="RUNNING",
    reason="",
    step=100,
    max_steps=300,
    seconds_left=100.0,
    steps_per_second=2.0,
    metrics={"AP": 0.25, "AP_S": 0.125, "AR_S": 0.5},
    best={"AP": 0.25, "AP_S": 0.2},
    resumed=0,
    seed=1,
    pareto=False,
)


def printed(rows: list[TrialRow], objectives: tuple[str, ...], *, running: bool) -> str:
    file = io.StringIO()
    print_table(standings_table(rows, objectives, running=running), Console(file=file, width=60))
    return file.getvalue()


def test_a_table_that_goes_to_a_file_is_not_folded() -> None:
    line = next(line for line in printed([ROW], ("AP_S",), running=True).splitlines() if "RUNNING" in line)
    for cell in ("100", "2.00", "2 min", "20.00", "25.00", "12.50", "weight=2 [exact]"):
        assert cell in line


def test_undefined_metrics_are_hyphens_and_other_objectives_get_a_column() -> None:
    text = printed([replace(ROW, metrics={"AP": math.nan, "AR_S": 0.5})], ("AR_S",), running=False)
    assert "AR_S" in text
    assert "50.00" in text
    assert "nan" not in text


def test_pareto_members_are_marked_only_where_there_are_several_objectives() -> None:
    member = replace(ROW, state="COMPLETE", pareto=True)
    assert "0*" in printed([member], ("AP_S", "AP"), running=False)
    assert "no complete trial is better in AP_S and AP at once" in printed([member], ("AP_S", "AP"), running=False)
    assert "*" not in printed([member], ("AP_S",), running=False)


def test_the_summary_counts_trials_and_names_the_best() -> None:
    rows = [
        ROW,
        replace(ROW, index=1, state="FAILED", best={}),
        replace(ROW, index=2, state="COMPLETE", step=300, best={"AP": 0.5, "AP_S": math.nan}),
    ]
    text = summary(rows, ("AP_S", "AP"), trials=8)
    assert text.startswith("2 of 8 trials done, 1 running, 1 failed")
    assert "best AP_S 20.00 (trial 0)" in text
    assert "best AP 50.00 (trial 2)" in text


def test_the_time_left_counts_trials_to_come_at_the_length_of_those_that_ended() -> None:
    ended = [replace(ROW, index=1, state="PRUNED", step=100), replace(ROW, index=2, state="COMPLETE", step=300)]
    # One trial at step 100 of about 200, and two to come of about 200 each, at 2 steps a second.
    assert seconds_left([ROW, *ended], trials=5) == pytest.approx((100 + 2 * 200) / 2)
    assert seconds_left([ROW], trials=1) == pytest.approx(200 / 2)
    assert math.isnan(seconds_left(ended, trials=5))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(math.nan, "-"), (5, "1 min"), (3540, "59 min"), (7500, "2 h 05 min"), (200 * 3600, "8.3 days")],
)
def test_durations_are_readable(seconds: float, text: str) -> None:
    assert duration(seconds) == text
