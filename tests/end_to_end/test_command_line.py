"""What the commands leave, and how they end: result files, exit codes, and answers to mistakes before the work."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trainable.__main__ import main
from trainable.config import compose
from trainable.evaluation import load_match_records, metrics_from_records
from trainable.train import train

Command = Callable[..., "subprocess.CompletedProcess[str]"]
InProcess = Callable[..., tuple[object, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which the command is run."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def command(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[object, str]]:
    """Runs the command line in this process, and returns its exit code and everything that it printed."""

    def run(*arguments: str) -> tuple[object, str]:
        monkeypatch.setattr("sys.argv", ["trainable", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        printed = capsys.readouterr()
        return caught.value.code, printed.out + printed.err

    return run


@pytest.mark.parametrize(
    ("sent", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
def test_a_stopped_training_ends_as_a_shell_expects_and_says_how_to_go_on(
    sent: signal.Signals,
    exit_code: int,
    small_run: list[str],
    start_trainable: Callable[..., "subprocess.Popen[str]"],
    tmp_path: Path,
) -> None:
    settings = [*small_run, "training.max_steps=100000", "logging.train.log_model_every_n_steps=1"]
    process = start_trainable("train", *settings, "run_dir=run", "result_json=result.json", cwd=tmp_path)
    checkpoint = tmp_path / "run" / "checkpoints" / "last.ckpt"
    deadline_s = time.monotonic() + 120
    while not checkpoint.exists():
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline_s, "no checkpoint in two minutes"
        time.sleep(0.05)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == exit_code, errors
    assert f"resume={tmp_path / 'run'}" in errors
    assert "Traceback" not in errors
    assert '"status":"KILLED"' in (tmp_path / "run" / "journal.jsonl").read_text()
    assert not (tmp_path / "result.json").exists()


def test_train_writes_its_result(small_run: list[str], trainable: Command, tmp_path: Path) -> None:
    settings = [*small_run, "training.max_steps=1", "run_dir=run", "result_json=result.json"]
    done = trainable("train", *settings, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text(), parse_constant=pytest.fail)
    assert (result["run"], result["step"], result["seed"]) == (str(tmp_path / "run"), 1, 3)
    assert f"run: {tmp_path / 'run'}" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result.json", "run"]


@pytest.mark.parametrize(
    ("target", "reason"), [("absent/result.json", "absent does not exist; make it"), (".", "is a folder; name a file")]
)
def test_a_result_file_that_cannot_be_written_is_refused_before_the_training(
    target: str, reason: str, small_run: list[str], command: InProcess, here: Path
) -> None:
    code, printed = command("train", *small_run, "run_dir=run", f"result_json={target}")
    assert code == 2
    assert f"result_json={target}" in printed
    assert reason in printed
    assert not list(here.iterdir())


@pytest.fixture(scope="module")
def validation(small_run: list[str], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides that validate a checkpoint of one step."""
    folder = tmp_path_factory.mktemp("run")
    train(compose([*small_run, "training.max_steps=1", f"run_dir={folder}"]))
    return [*small_run, f"checkpoint={folder / 'checkpoints' / 'last.ckpt'}"]


def test_validate_writes_the_match_records_that_its_metrics_come_from(
    validation: list[str], command: InProcess, here: Path
) -> None:
    code, printed = command("validate", *validation, "result_json=result.json")
    assert code == 0, printed
    metrics = json.loads((here / "result.json").read_text())["metrics"]
    records = load_match_records(here / "result.npz")
    assert metrics_from_records(records).to_json() == metrics
    assert sorted(path.name for path in here.iterdir()) == ["result.json", "result.npz"]


def test_the_match_records_and_the_result_need_files_of_their_own(
    validation: list[str], command: InProcess, here: Path
) -> None:
    (here / "taken.npz").mkdir()
    code, printed = command("validate", *validation, "result_json=result.npz")
    assert code == 2
    assert "result_json=result.npz: the match records are written there; name a .json file" in printed
    code, printed = command("validate", *validation, "result_json=taken.json")
    assert code == 2
    assert "the match records' file taken.npz is a folder" in printed


def test_stats_takes_a_path_with_any_characters(dataset: Path, command: InProcess, here: Path) -> None:
    odd = shutil.copytree(dataset, here / "my,data=1 (x) [y]")
    code, printed = command("stats", str(odd), "--json", "statistics.json")
    assert code == 0, printed
    statistics = json.loads((here / "statistics.json").read_text(), parse_constant=pytest.fail)
    assert statistics["root"] == str(odd)
    assert "two wheeler" in printed  # a class of the demo dataset, which the folder was preprocessed as
    assert (here / "statistics.png").is_file()


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        (("--json", "absent/x.json"), "--json absent/x.json: the folder"),
        (("--json", "."), "--json . is a folder"),
        (("--figure", "absent/x.png"), "--figure absent/x.png: the folder"),
        (("--figure", "x.foo"), "x.foo; choose another name"),
    ],
)
def test_stats_refuses_a_file_that_it_cannot_write(
    option: tuple[str, str], reason: str, dataset: Path, command: InProcess, here: Path
) -> None:
    code, printed = command("stats", str(dataset), *option)
    assert code == 2
    assert reason in printed
    assert not list(here.iterdir())


def test_a_folder_that_cannot_be_made_is_named(command: InProcess) -> None:
    code, printed = command("simulate", "/proc/x")
    assert code == 2
    assert "/proc/x" in printed


def test_a_file_in_the_place_of_a_folder_is_named(command: InProcess, small_run: list[str], here: Path) -> None:
    (here / "file").touch()
    code, printed = command("train", *small_run, "run_dir=file/run", "training.max_steps=1")
    assert code == 2
    assert str(here / "file" / "run") in printed


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["bogus"], 2), (["train"], 2)])
def test_usage_ends_with_its_own_exit_code(arguments: list[str], code: int, command: InProcess) -> None:
    assert command(*arguments)[0] == code
