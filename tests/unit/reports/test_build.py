from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reports import build
from reports.build import attach_report, report_document, write_report
from reports.document.blocks import Paragraph, Table
from reports.runs import Run, Sweep
from trainable.errors import DataError, TrackingError

MakeRun = Callable[..., Run]
MakeSweep = Callable[..., Sweep]
ORDER = (
    *("answer", "leaderboard", "trade-offs", "what-matters", "sizes-and-classes", "search-history", "pictures"),
    "repeating",
)


@pytest.fixture(scope="module")
def sweep(make_sweep: MakeSweep) -> Sweep:
    return make_sweep()


@pytest.fixture(scope="module")
def small(make_sweep: MakeSweep) -> Sweep:
    """Drawn in a few seconds."""
    return make_sweep(trials=2, states=["COMPLETE"] * 2, finalists=())


def test_the_sections_come_in_the_readers_order(sweep: Sweep) -> None:
    document = report_document(sweep)
    assert tuple(section.name for section in document.sections) == ORDER
    assert document.title == "Sweep demo"
    assert "8 trials; 6 confirming runs; begun 2026-11-22 " in document.subtitle
    assert "read from sqlite:///sweeps/mlflow.db" in document.subtitle


def test_what_is_missing_is_listed_at_the_end(make_sweep: MakeSweep) -> None:
    document = report_document(make_sweep(left_out=["match_records"], problems=["The space cannot be read."]))
    last = document.sections[-1]
    assert last.name == "missing"
    (table,) = (block for block in last.blocks if isinstance(block, Table))
    problems = table.data["problem"].tolist()
    assert problems[0] == "The space cannot be read."
    assert len(problems) > 1


@pytest.mark.parametrize("error", [DataError("the moon is in the way"), ValueError("the moon is in the way")])
def test_a_section_that_cannot_be_made_is_replaced_by_a_sentence(
    error: Exception, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(evidence: object) -> None:
        raise error

    sections = [entry if entry[0] != "pictures" else (*entry[:2], broken) for entry in build._SECTIONS]
    monkeypatch.setattr(build, "_SECTIONS", tuple(sections))
    document = report_document(sweep)
    assert tuple(section.name for section in document.sections) == ORDER
    (said,) = document.sections[6].blocks
    assert isinstance(said, Paragraph)
    assert "the moon is in the way" in said.text


def test_another_sweep_is_compared_in_a_section_behind_the_others(sweep: Sweep, make_sweep: MakeSweep) -> None:
    other = make_sweep(name="older <b>", qualities=[0.4, 0.4, 0.4], finalists=(0, 1), seeds=2)
    section = report_document(sweep, other=other).sections[len(ORDER)]
    assert section.title == "Compared with older <b>"
    names = [block.name for block in section.blocks if isinstance(block, Table)]
    assert names[:2] == ["comparison_parameter_differences", "comparison_metric_differences"]


@pytest.mark.parametrize("states", [["RUNNING"], ["FAILED"], []])
def test_a_sweep_with_hardly_anything_gives_a_report(make_sweep: MakeSweep, states: list[str], tmp_path: Path) -> None:
    bare = make_sweep(trials=len(states), states=states, finalists=(), state="RUNNING", left_out=["space.yaml"])
    page = write_report(report_document(bare), bare, tmp_path / "out", pdf=False, attach_to=None)
    assert page.read_text().count("<h2") >= len(ORDER)
    assert "still running" in page.read_text()


def test_times_and_steps_that_nothing_has_give_a_report(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    speed = {"speed/steps_per_second": {0: 1.0}, "AP": {0: 0.1}}
    runs = [bare_run(number, speed, state="PRUNED", max_steps=10**401) for number in range(2)]
    sweep = bare_sweep(runs, objectives=("AP",), settings={"rungs": [0, 10**400]})
    sweep = replace(sweep, own=replace(sweep.own, started_ms=10**18))
    assert "begun at an unknown time" in report_document(sweep).subtitle


def test_the_same_sweep_gives_the_same_text_and_tables(small: Sweep, tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_report(report_document(small), small, tmp_path / name, pdf=False, attach_to=None)
    first = {path.relative_to(tmp_path / "first"): path for path in (tmp_path / "first").rglob("*.csv")}
    first[Path("report.md")] = tmp_path / "first" / "report.md"
    assert len(first) > 5
    for path, file in first.items():
        assert file.read_bytes() == (tmp_path / "second" / path).read_bytes(), path


def test_only_the_reports_own_files_are_attached(small: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    def attach(uri: str, run_id: str, directory: Path, artifact_path: str) -> None:
        assert (uri, run_id, artifact_path) == ("sqlite:///x", small.own.run_id, "report")
        sent.extend(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())

    monkeypatch.setattr(build, "attach_files", attach)
    (tmp_path / "secret.txt").write_text("mine")
    write_report(report_document(small), small, tmp_path, pdf=False, attach_to=None)
    attach_report(tmp_path, "sqlite:///x", small.own.run_id)
    assert {"report.html", "report.md"} < set(sent)
    assert "secret.txt" not in sent
    assert not any(name.startswith(".") for name in sent)


def test_a_server_that_refuses_the_report_is_a_warning(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*arguments: object) -> None:
        raise TrackingError("no room left")

    monkeypatch.setattr(build, "attach_files", refuse)
    bare = replace(sweep, trials=sweep.trials[:1], confirmations=())
    page = write_report(report_document(bare), bare, tmp_path, pdf=False, attach_to="sqlite:///x")
    assert page.is_file()
    assert "no room left" in caplog.text
