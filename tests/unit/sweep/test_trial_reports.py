import math
from typing import Any

import pytest

from search_spaces.objectives import HEADLINE_METRICS
from sweep.trial_reports import StoppedEarly, TrialReports

Json = dict[str, Any]


def metrics(ap: float, ap_s: float = 0.0) -> dict[str, float]:
    return dict.fromkeys(HEADLINE_METRICS, 0.0) | {"AP": ap, "AP_S": ap_s, "count/truths": 7}


def test_the_best_value_so_far_never_falls_and_passes_over_undefined_ones() -> None:
    sent: list[Json] = []
    reports = TrialReports(0, 4, sent.append)
    for step, ap in enumerate([0.2, 0.1, math.nan, 0.3], start=1):
        reports.validated(step, metrics(ap, ap_s=math.nan))
    assert [report["best_AP"] for report in sent] == [0.2, 0.2, 0.2, 0.3]
    assert all(math.isnan(report["best_AP_S"]) for report in sent)


def test_a_report_has_the_same_keys_whatever_it_is_for() -> None:
    sent: list[Json] = []
    reports = TrialReports(5, 4, sent.append)
    reports.validated(10, metrics(0.2))
    reports.micro_batch = 2
    reports.failed("no")
    reports.stopped("enough")
    assert sent[0].keys() == sent[1].keys() == sent[2].keys()
    assert [(report["failure"], report["stopped"], report["micro_batch"]) for report in sent] == [
        ("", "", 4),
        ("no", "", 2),
        ("", "enough", 2),
    ]
    assert {report["training_step"] for report in sent} == {10}
    assert {report["index"] for report in sent} == {5}


def test_a_failure_before_the_first_validation_has_the_bookkeeping_only() -> None:
    sent: list[Json] = []
    TrialReports(5, 4, sent.append).failed("no")
    assert sent == [{"training_step": 0, "index": 5, "micro_batch": 4, "failure": "no", "stopped": ""}]


def test_a_validation_is_reported_once() -> None:
    sent: list[Json] = []
    reports = TrialReports(0, 4, sent.append)
    for step in (10, 20, 10, 20, 30):
        reports.validated(step, metrics(0.1))
    assert [report["training_step"] for report in sent] == [10, 20, 30]


def test_the_end_that_the_search_decides_says_at_which_step() -> None:
    def stop(report: Json) -> None:
        raise SystemExit(0)

    with pytest.raises(StoppedEarly, match=r"^stopped early at step 10$") as raised:
        TrialReports(0, 4, stop).validated(10, metrics(0.1))
    assert raised.value.code == "stopped early at step 10"
