import csv
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from search_spaces.objectives import parse_constraint
from sweep.folder import SweepFolder
from sweep.parent_run import ParentRun, best_values
from sweep.record import SweepRecord, open_study
from trainable.tracking import FolderPublishing, journaled_curves
from trainable.tracking.entries import ArtifactEntry, HeaderEntry, ParametersEntry, StatusEntry, TagsEntry
from trainable.tracking.journal import JournalReader

MakeSweep = Callable[..., SweepFolder]
Play = Callable[..., list[int]]


@pytest.fixture(autouse=True)
def publishing(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What would be published from which server on; the process itself is tested end to end."""
    started: list[tuple[str, int]] = []

    def note(self: FolderPublishing) -> None:
        started.append((self._uri, self._depth))

    monkeypatch.setattr(FolderPublishing, "_start", note)
    return started


def parent_run(folder: SweepFolder) -> ParentRun:
    return ParentRun(folder, SweepRecord.read(folder))


def artifacts(folder: SweepFolder) -> set[str]:
    return {entry.path for entry in JournalReader(folder.directory).read() if isinstance(entry, ArtifactEntry)}


def test_the_run_says_what_the_sweep_is(make_sweep: MakeSweep, publishing: list[tuple[str, int]]) -> None:
    folder = make_sweep()
    record = SweepRecord.read(folder)
    parent = parent_run(folder)
    parent.close("FINISHED")
    entries = JournalReader(folder.directory).read()
    header = entries[0]
    assert isinstance(header, HeaderEntry)
    assert (header.run_id, header.run_name, header.parent_run_id) == (record.sweep_id, folder.name, None)
    assert header.experiment == record.config.wandb.project_name
    assert header.tags["evsweep.space"] == "demo"
    assert header.tags["evsweep.objectives"] == "AP_S, AP"
    assert header.tags.keys() >= {"version.ray", "version.optuna", "version.mlflow", "hardware.host"}
    parameters = next(entry.values for entry in entries if isinstance(entry, ParametersEntry))
    assert parameters["trials"] == "6"
    assert parameters["overrides"].startswith('["dataset=demo"')
    dimension = next(iter(record.space["dimensions"]))
    assert f"space.{dimension}" in parameters
    assert artifacts(folder) == {"sweep.yaml", "space.yaml"}
    assert publishing == [(f"sqlite:///{folder.storage / 'mlflow.db'}", 2)]


def test_the_incumbents_curve_rises_over_the_steps_of_all_trials(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(scheduler="none")
    parent, study = parent_run(folder), open_study(folder)
    parent.update(study)
    for quality in (0.5, 0.9, 0.7):
        play(folder, [quality])
        parent.update(study)
        parent.update(study)
    curves = journaled_curves(folder.directory)
    assert curves["best/AP_S"] == pytest.approx({300: 0.15, 600: 0.27, 900: 0.27})
    assert curves["best/AP"] == pytest.approx({300: 0.25, 600: 0.45, 900: 0.45})
    assert curves["trials/COMPLETE"] == {300: 1, 600: 2, 900: 3}


def test_a_killed_driver_costs_the_curve_nothing_and_doubles_nothing(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(scheduler="none")
    first = parent_run(folder)
    play(folder, [0.5])
    first.update(open_study(folder))
    play(folder, [0.9], until=100)  # reported, but the driver dies before its update
    second = parent_run(folder)
    assert second.run_id == first.run_id
    second.update(open_study(folder))
    second.update(open_study(folder))
    assert journaled_curves(folder.directory)["best/AP"] == pytest.approx({300: 0.25, 400: 0.25})
    entries = JournalReader(folder.directory).read()
    assert [entry.status for entry in entries if isinstance(entry, StatusEntry)] == ["RUNNING", "RUNNING"]


def test_confirmations_have_counts_of_their_own(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(scheduler="none")
    parent = parent_run(folder)
    play(folder, [0.5, 0.6])
    parent.update(open_study(folder))
    parent.close("FINISHED")
    confirmed = ParentRun(folder, SweepRecord.read(folder), phase="confirm")
    study = open_study(folder, "confirm")
    study.enqueue([open_study(folder).trials()[0].parameters], seeds=[11])
    play(folder, [0.5], phase="confirm")
    confirmed.update(study)
    confirmed.close("FINISHED")
    extended = parent_run(folder)
    play(folder, [0.9])
    extended.update(open_study(folder))
    curves = journaled_curves(folder.directory)
    assert curves["confirm/COMPLETE"] == {300: 1}
    assert curves["best/AP"] == pytest.approx({600: 0.3, 900: 0.45})
    assert artifacts(folder) >= {"ranked_confirmations.csv", "ranked_trials.csv"}


def test_the_table_names_every_trial_by_rank(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(scheduler="none")
    parent = parent_run(folder)
    play(folder, [0.5, 0.9])
    play(folder, [0.99], until=100)
    parent.update(open_study(folder))
    with (folder.directory / "ranked_trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["trial"], row["state"], row["pareto"]) for row in rows] == [
        ("1", "COMPLETE", "True"),
        ("0", "COMPLETE", "False"),
        ("2", "RUNNING", "False"),
    ]
    assert float(rows[0]["AP_S"]) == pytest.approx(0.27)
    keys = open_study(folder).trials()[1].parameters.keys()
    assert keys <= rows[0].keys()
    markdown = (folder.directory / "ranked_trials.md").read_text().splitlines()
    assert markdown[2].startswith("| 1 | 1* | COMPLETE | 300 | 27.00 | 45.00 |")
    assert all(line.count("|") == markdown[0].count("|") for line in markdown[1:5])


def test_states_are_tagged_when_they_change(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(scheduler="none")
    parent = parent_run(folder)
    play(folder, [0.5])
    parent.update(open_study(folder))
    study = open_study(folder)
    proposal = study.ask()
    assert proposal is not None
    study.fail(proposal.index, "a weight is no longer finite")
    parent.update(open_study(folder))
    parent.update(open_study(folder))
    tags = [entry.values for entry in JournalReader(folder.directory).read() if isinstance(entry, TagsEntry)]
    assert tags == [{"evsweep.trials": "1 COMPLETE"}, {"evsweep.trials": "1 COMPLETE, 1 FAILED"}]


def test_only_defined_results_that_keep_the_constraints_are_incumbents(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(scheduler="none")
    play(folder, [0.5, 0.6])
    record = open_study(folder).trials()[1]
    record.reports[200]["AP_S"] = math.nan
    record.reports[300]["AP"] = 0.1
    assert best_values(record, ["AP_S"], [parse_constraint("AP>=0.15")]) == pytest.approx({"AP_S": 0.3 * 0.6 * 5 / 6})
    assert best_values(record, ["AP_S"], [parse_constraint("AP>=0.9")]) == {}


@pytest.mark.parametrize(
    ("uri", "public"),
    [
        ("http://ada:secret@tracking:5000", "http://tracking:5000"),
        ("postgresql://db/mlflow?user=ada&password=secret", "postgresql://db/mlflow"),
        ("postgresql:///mlflow?host=/run/db&password=secret", "postgresql:///mlflow"),
    ],
)
def test_credentials_do_not_leave_the_machine_with_the_record(make_sweep: MakeSweep, uri: str, public: str) -> None:
    folder = make_sweep(tracking_uri=uri)
    parent_run(folder).close("FINISHED")
    entries = JournalReader(folder.directory).read()
    parameters = next(entry.values for entry in entries if isinstance(entry, ParametersEntry))
    assert parameters["tracking_uri"] == public
    assert artifacts(folder) == {"space.yaml"}
    assert "secret" not in (folder.directory / "journal.jsonl").read_text()


def test_a_table_that_cannot_be_written_costs_only_the_table(
    make_sweep: MakeSweep, play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_sweep(scheduler="none")
    parent = parent_run(folder)
    Path(folder.directory / "ranked_trials.csv").mkdir()
    play(folder, [0.5])
    parent.update(open_study(folder))
    assert "ranked_trials.csv cannot be written" in caplog.text
    assert "ranked_trials.md" in artifacts(folder)
