"""`python -m sweep` as a user types it: a whole small sweep, and answers to mistakes before anything starts."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweep.__main__ import main

Command = Callable[..., "subprocess.CompletedProcess[str]"]

STEPS = 4


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the module's sweep is run."""
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """One thread a process: the tests share two cores."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def sweep(place: Path, environment: dict[str, str]) -> Command:
    """Runs `python -m sweep` with arguments; without an exit code to expect, it must succeed."""

    def run(*arguments: str, exit_code: int = 0) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "sweep", *arguments]
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def space(place: Path) -> Path:
    """Learning rate and type of the loss, with a baseline."""
    content = {
        "name": "rates",
        "description": "What a few steps can tell apart.",
        "fixed": {"model.head.size_aware_loss": True},
        "dimensions": {
            "training.learning_rate": {"float": [1e-3, 1e-2], "log": True, "label": "rate"},
            "model.head.weight_type": {
                "choices": ["exponential", "step"],
                "when": {"model.head.size_aware_loss": True},
                "label": "type",
            },
        },
        "known_points": {"baseline": {"model.head.size_aware_loss": False, "training.learning_rate": 0.003}},
    }
    file = place / "rates.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture(scope="module")
def shared(small_run: list[str]) -> list[str]:
    """What the trials of the module's sweep share."""
    ours = ("reproduce.", "tracking.")
    return [
        *(override for override in small_run if not override.startswith(ours)),
        f"training.max_steps={STEPS}",
        "validation.val_check_interval=2",
        "logging.train.log_every_n_steps=1",
    ]


@pytest.fixture(scope="module")
def finished(sweep: Command, space: Path, shared: list[str]) -> "subprocess.CompletedProcess[str]":
    """A sweep of two trials, run to its end."""
    return sweep(
        *("run", "--space", str(space), "--name", "first", "--trials", "2", "--scheduler", "none"),
        *("--objective", "AP50", "--max-concurrent", "1", "--seed", "5", *shared),
    )


@pytest.fixture(scope="module")
def status(sweep: Command, finished: object) -> Callable[[], dict[str, Any]]:
    """The sweep's status as scripts read it."""

    def read() -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(sweep("status", "first", "--json").stdout)
        return parsed

    return read


def test_a_sweep_ends_with_its_ranked_trials_and_where_to_see_them(
    finished: "subprocess.CompletedProcess[str]", status: Callable[[], dict[str, Any]]
) -> None:
    read = status()
    assert [trial["state"] for trial in read["trials"]] == ["COMPLETE", "COMPLETE"]
    assert not read["running"]
    lines = finished.stdout.splitlines()
    rows = [line for line in lines if "COMPLETE" in line]
    assert len(rows) == 2
    assert "baseline" in "".join(rows)
    assert any("mlflow server --backend-store-uri sqlite:///" in line for line in lines)
    assert any("compare-runs" in line for line in lines)
    assert "trial 0 COMPLETE at step 4" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_the_best_trials_command_trains_the_same_again(
    finished: object, sweep: Command, place: Path, environment: dict[str, str], status: Callable[[], dict[str, Any]]
) -> None:
    said = sweep("best", "first").stdout
    command = shlex.split(next(line for line in said.splitlines() if line.startswith("python -m trainable train")))
    again = [sys.executable, *command[1:], "tracking.enabled=false", "run_dir=again", "result_json=again.json"]
    subprocess.run(again, cwd=place, env=environment, check=True, capture_output=True)
    result = json.loads((place / "again.json").read_text())
    read = status()
    best = read["trials"][read["ranking"][0]]
    assert result["seed"] == best["seed"] == 5
    assert result["metrics"]["unfiltered"]["mean"]["all"]["AP50"] == best["metrics"]["AP50"]
    assert yaml.safe_load((place / "first-best.yaml").read_text())["training"]["max_steps"] == STEPS


def test_extending_adds_trials_and_confirming_adds_seeds(
    finished: object, sweep: Command, status: Callable[[], dict[str, Any]]
) -> None:
    before = status()["trials"]
    sweep("extend", "first", "--trials", "3")
    after = status()
    assert after["trials"][:2] == before
    assert len(after["trials"]) == after["trials_wanted"] == 3
    said = sweep("confirm", "first", "--top", "1", "--seeds", "2").stdout
    confirmed = status()["confirm"]
    assert len(confirmed) == 4
    assert {trial["seed"] for trial in confirmed} == {6, 7}
    assert {trial["state"] for trial in confirmed} == {"COMPLETE"}
    assert "±" in said


def test_a_running_sweep_is_stopped_and_resumed_from_its_checkpoints(
    sweep: Command, space: Path, shared: list[str], place: Path, environment: dict[str, str]
) -> None:
    longer = [
        *shared,
        "training.max_steps=60",
        "validation.val_check_interval=30",
        "logging.train.log_model_every_n_steps=2",
    ]
    options = ["--space", str(space), "--name", "stopped", "--trials", "1", "--scheduler", "none", *longer]
    running = subprocess.Popen(
        [sys.executable, "-m", "sweep", "run", *options],
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    checkpoint = place / "sweeps" / "stopped" / "trials" / "0000" / "checkpoints" / "last.ckpt"
    _wait_for(checkpoint.exists, running)
    assert "stopped: running, process " in sweep("status", "stopped").stdout
    assert "is running already" in sweep("resume", "stopped", exit_code=2).stderr
    assert "sweep resume stopped" in sweep("stop", "stopped").stdout
    said, _ = running.communicate(timeout=120)
    assert "sweep resume stopped" in said
    trial = json.loads(sweep("status", "stopped", "--json").stdout)["trials"][0]
    assert trial["state"] == "RUNNING"
    assert 0 < trial["step"] < 60
    resumed = subprocess.Popen(
        [sys.executable, "-m", "sweep", "resume", "stopped"],
        cwd=place,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    journal = place / "sweeps" / "stopped" / "trials" / "0000" / "journal.jsonl"
    _wait_for(lambda: '"type":"resume"' in journal.read_text(), resumed)
    resumed.send_signal(signal.SIGINT)
    _, complained = resumed.communicate(timeout=120)
    assert resumed.returncode == 130
    assert "stopped; to go on: python -m sweep resume stopped" in complained


def _wait_for(happened: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    deadline_s = time.monotonic() + 180
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline_s
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "`space` must be given"),
        (["run", "--bogus"], "No such option"),
        (["run", "--space", "dem"], "did you mean `demo`"),
        (["run", "--space", "demo", "--trials", "0"], "`trials`"),
        (["run", "--space", "demo", "--gpus-per-trial", "2"], "a trial uses one GPU or a share of it"),
        (["run", "--space", "demo", "--storage", "s3://bucket"], "got 's3://bucket'; mount"),
        (["run", "--space", "demo", "--settings", "nothing.yaml"], "nothing.yaml cannot be read"),
        (["run", "--space", "demo", "dataset=demo", "dataset.path=x"], "no detector is chosen"),
        (["run", "--space", "demo", "OVERRIDES"], "key=value"),
        (["resume", "nothing"], "there is no sweep in"),
        (["status", "a/b"], "a sweep's name"),
        (["extend", "nothing", "--trials", "3"], "there is no sweep in"),
        (["best", "nothing"], "there is no sweep in"),
        (["confirm", "nothing"], "there is no sweep in"),
        (["stop", "nothing"], "there is no sweep in"),
    ],
)
def test_a_mistake_is_a_message_and_exit_code_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["sweep", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    printed = capsys.readouterr()
    assert caught.value.code == 2
    assert message in printed.out + printed.err
    assert list(tmp_path.iterdir()) == []
