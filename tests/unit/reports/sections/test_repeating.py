import subprocess
from collections.abc import Callable
from dataclasses import replace

import pytest
import yaml
from typer.testing import CliRunner

from reports.document.blocks import Commands, Paragraph, Section, Table
from reports.evidence import Evidence
from reports.repeating_commands import sweep_commands, train_command, wrapped
from reports.run_files import Missing
from reports.runs import Run, Sweep
from reports.sections.repeating import section
from sweep.__main__ import app
from trainable.config import compose
from trainable.config.train_overrides import BOOKKEEPING

MakeRun = Callable[..., Run]
MakeSweep = Callable[..., Sweep]
OVERRIDES = ["dataset=demo", "dataset.path='demo/demo'", "+experiment=demo"]


@pytest.fixture(scope="module")
def sweep(make_sweep: MakeSweep) -> Sweep:
    return make_sweep()


def words_in_a_shell(text: str) -> list[list[str]]:
    """The arguments that a real shell would call `python` with, command by command."""
    script = "python() { printf '%s\\0' \"$@\"; printf '\\1\\0'; }\n" + text
    printed = subprocess.run(["sh", "-c", script], capture_output=True, check=True, text=True).stdout
    return [command.split("\0")[:-1] for command in printed.split("\1\0")[:-1]]


def texts(found: Section) -> str:
    return "\n".join(block.text for block in found.blocks if isinstance(block, Paragraph))


def commands(found: Section) -> list[Commands]:
    return [block for block in found.blocks if isinstance(block, Commands)]


def table(found: Section, name: str) -> Table:
    (one,) = (block for block in found.blocks if isinstance(block, Table) and block.name == name)
    return one


@pytest.mark.parametrize(
    "overrides",
    [OVERRIDES, [], ["dataset=no such"], ["dataset=demo", "+experiment=demo", "dataset.path=${oc.env:HOME}"]],
)
def test_the_train_command_composes_to_the_runs_configuration(overrides: list[str], make_run: MakeRun) -> None:
    run = make_run(5, parameters={"model.fpn.in_stages": [1, 2, 3, 4], "training.learning_rate": 0.00123}, seed=7)
    command = train_command(run, overrides)
    assert isinstance(command, str)
    (words,) = words_in_a_shell(command)
    assert words[:3] == ["-m", "trainable", "train"]
    composed = {key: value for key, value in _flat(compose(words[3:]).to_dict()) if key not in BOOKKEEPING}
    file = run.artifacts.file("config.yaml")
    assert file is not None
    assert composed == {key: value for key, value in _flat(yaml.safe_load(file.read_text())) if key not in BOOKKEEPING}
    assert "HOME" not in command


def _flat(values: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for key, value in values.items():
        found += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return found


def test_a_run_without_configuration_has_no_command_but_a_reason(make_run: MakeRun) -> None:
    assert isinstance(train_command(make_run(left_out=["config.yaml"]), OVERRIDES), Missing)


def test_the_sweeps_settings_become_the_command_that_searches_again(sweep: Sweep) -> None:
    run, confirm = words_in_a_shell(sweep_commands(sweep.own, finalists=2, seeds=4))
    assert run[:4] == ["-m", "sweep", "run", "--space"]
    assert {"--name=demo", "--trials=8", "--search=tpe", "--reduction-factor=2", "--seed=0"} < set(run)
    assert [word for word in run if word.startswith("--objective")] == ["--objective=AP_S", "--objective=AP"]
    assert not any(word.startswith("--grace-steps") for word in run)
    assert run[run.index("--") + 1 :] == OVERRIDES
    assert confirm == ["-m", "sweep", "confirm", "--top=2", "--seeds=4", "--", "demo"]


def test_the_printed_options_are_those_of_the_sweeps_command_line(sweep: Sweep) -> None:
    for words in words_in_a_shell(sweep_commands(sweep.own, finalists=1, seeds=1)):
        known = CliRunner().invoke(app, [words[2], "--help"], env={"COLUMNS": "300"}).output
        options = [word.partition("=")[0] for word in words if word.startswith("--") and word != "--"]
        assert options
        assert all(f"{option} " in known for option in options)


def test_names_and_settings_that_others_wrote_stay_single_words_for_a_shell(sweep: Sweep) -> None:
    hostile = "$(touch x); `y` 'z'\n--storage=/"
    parameters = {"space": hostile, "search": hostile, "objectives": "[1, null", "overrides": '{"a": 1}'}
    own = replace(sweep.own, name=hostile, parameters={**sweep.own.parameters, **parameters})
    run, confirm = words_in_a_shell(sweep_commands(own, finalists=1, seeds=1))
    assert {f"--name={hostile}", f"--search={hostile}"} < set(run)
    assert run[4] == "space.yaml"
    assert confirm[-1] == hostile
    assert "--storage=/" not in run


def test_long_commands_are_broken_between_words_only() -> None:
    words = ["a" * 60, "b c" * 30, "d" * 150, "e"]
    text = wrapped(["python", *words])
    assert words_in_a_shell(text) == [words]
    assert len(text.splitlines()) == 4


def test_best_and_baseline_get_commands_and_their_differences_a_table(sweep: Sweep) -> None:
    found = section(Evidence(sweep))
    titles = [block.title for block in commands(found)]
    assert [title.partition(" (")[0] for title in titles[:2]] == ["Train trial 2", "Train baseline"]
    differences = table(found, "configuration_differences").data
    assert differences["key"].tolist() == sorted(differences["key"])
    assert {"training.learning_rate", "model.head.size_aware_loss"} <= set(differences["key"])
    assert not set(differences["key"]) & set(BOOKKEEPING)
    assert table(found, "seeds").data["confirmation"].tolist() == ["1, 2, 3", "1, 2, 3"]
    assert "differ in their" not in texts(found)


def test_runs_that_differ_in_commit_version_data_or_hardware_are_warned_of(sweep: Sweep) -> None:
    changes = {
        "git.commit": "abc-dirty",
        "version.torch": "9.9",
        "dataset.digest": "other",
        "hardware.device": "NVIDIA <b>H200</b>",
    }
    first = replace(sweep.trials[0], tags={**sweep.trials[0].tags, "version.torch": "1.0"})
    odd = replace(sweep.trials[1], tags={**sweep.trials[1].tags, **changes})
    found = section(Evidence(replace(sweep, trials=(first, odd, *sweep.trials[2:]))))
    for what in ("commits", "datasets", "hardware", "versions of torch"):
        assert f"differ in their {what}" in texts(found)
    assert "1 run used files that differ" in texts(found)
    provenance = table(found, "provenance").data
    commits = provenance[provenance["property"] == "commit"]
    assert commits["runs"].tolist() == [13, 1]


def test_a_sweep_that_told_nothing_gives_sentences(make_sweep: MakeSweep) -> None:
    bare = make_sweep(finalists=(), left_out=["config.yaml", "space.yaml"])
    bare = replace(bare, own=replace(bare.own, parameters={}, tags={}))
    said = texts(section(Evidence(bare)))
    assert "There is no command that trains trial 2 again" in said
    assert "does not tell what all trials share" in said
    assert "Nothing of this sweep has been confirmed" in said


def test_a_sweep_without_a_complete_trial_says_so(make_sweep: MakeSweep) -> None:
    running = make_sweep(trials=2, states=["RUNNING", "FAILED"], finalists=(), state="RUNNING")
    found = section(Evidence(running))
    assert "there is no configuration to train again" in texts(found)
    assert len(table(found, "provenance").data)
