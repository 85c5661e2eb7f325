"""The commands as a user runs them, on a real store."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from reports.__main__ import main
from reports.places import default_folder
from reports.runs import Sweep

MakeSweep = Callable[..., Sweep]
PublishSweep = Callable[..., Sweep]
HOSTILE = "../../x <script>alert(1)</script>"


def environment() -> dict[str, str]:
    """One thread a process, wide lines, no colours, and no server but the one that is typed."""
    own = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    return {**own, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1"}


def reports(*arguments: object, cwd: Path, **changed: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "reports", *map(str, arguments)],
        cwd=cwd,
        env=environment() | changed,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory, publish_sweep: PublishSweep, make_sweep: MakeSweep) -> Path:
    """A folder in which `sweeps/mlflow.db` holds two sweeps, one of them of a hostile name."""
    folder = tmp_path_factory.mktemp("storage")
    (folder / "sweeps").mkdir()
    uri = address(folder)
    publish_sweep(uri, trials=3, states=["COMPLETE"] * 3, finalists=(0, 2), seeds=2)
    hostile = make_sweep(trials=2, states=["COMPLETE"] * 2, finalists=(), name=HOSTILE)
    other_id = "f" * 32
    trials = tuple(
        replace(run, run_id=f"{number:032x}", name=f"{run.name} {HOSTILE}")
        for number, run in enumerate(hostile.trials, 1)
    )
    publish_sweep(uri, replace(hostile, own=replace(hostile.own, run_id=other_id), trials=trials))
    return folder


def address(folder: Path) -> str:
    return f"sqlite:///{folder}/sweeps/mlflow.db"


def attached(folder: Path, sweep: str) -> list[str]:
    """The report's files among those of a sweep's run, as any client of MLflow sees them."""
    client = MlflowClient(address(folder))
    experiments = [found.experiment_id for found in client.search_experiments()]
    (run,) = client.search_runs(experiments, f"attributes.run_name = '{sweep}' and tags.`evsweep.kind` = 'sweep'")
    return [file.path for file in client.list_artifacts(run.info.run_id, "report")]


def test_a_report_is_written_beside_the_sweeps_and_attached_to_the_sweeps_run(storage: Path) -> None:
    done = reports("build", "demo", "--compare", HOSTILE, cwd=storage)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "report: demo-report/report.html\n"
    assert "Warning" not in done.stderr
    folder = storage / "demo-report"
    page = (folder / "report.html").read_text()
    assert "<script>alert(1)" not in page
    assert "Compared with" in page
    assert (folder / "tables" / "moments.csv").is_file()
    assert {"report/report.html", "report/report.md", "report/tables"} < set(attached(storage, "demo"))
    assert not list(folder.glob(".report-*/"))


def test_a_hostile_name_neither_leaves_the_folder_nor_becomes_markup(storage: Path, tmp_path: Path) -> None:
    work = tmp_path / "a" / "b" / "c"
    work.mkdir(parents=True)
    done = reports("build", HOSTILE, "--tracking-uri", address(storage), "--no-attach", cwd=work)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in work.iterdir()] == [str(default_folder(HOSTILE))]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    page = next(work.rglob("report.html")).read_text()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert attached(storage, HOSTILE) == []


@pytest.mark.parametrize("name", ["../../x", "<script>", "x" * 5000, "..", "", "a\nb", "行", "\x1b[31m", "-report"])
def test_default_folders_are_single_plain_names(name: str) -> None:
    folder = default_folder(name)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}-report", str(folder))
    assert default_folder(f"{name} ") != folder


def test_mistakes_end_with_code_2_a_sentence_and_no_file(
    storage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "file").write_text("mine")
    here = ("--tracking-uri", address(storage))
    mistakes: list[tuple[tuple[object, ...], str]] = [
        (("build", "dmo", *here), "'demo'"),
        (("build", "demo"), "give --tracking-uri"),
        (("build", "demo", "--tracking-uri", "sqlite:///none.db"), "there is no database none.db"),
        (("build", "demo", "--tracking-uri", "http://127.0.0.1:9"), "check the address"),
        (("build", "demo", "--tracking-uri", "/some/folder"), "must be http"),
        (("build", "demo", *here, "--out", "file"), "is a file"),
        (("build", "demo", *here, "--out", "file/below"), "nothing can be written"),
        (("build", "demo", *here, "--compare", "nothing"), "nothing"),
        (("compare", "demo", "demo", *here), "the same run"),
        (("compare", "demo", "nothing", *here), "nothing"),
        (("watch", "dmo", *here), "'demo'"),
        (("watch", "demo", *here, "--interval", "0"), "--interval"),
        (("build", "../../x", *here), "there is no sweep"),
        (("build", "[red]", *here), "[red]"),
    ]
    for arguments, expected in mistakes:
        monkeypatch.setattr(sys, "argv", ["reports", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert ended.value.code == 2, (arguments, printed.err)
        assert expected in printed.err.replace("\n", " "), (arguments, printed.err)
        assert printed.out == "", arguments
    done = reports("build", "dmo", *here, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: there is no sweep named 'dmo'")
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_two_runs_are_compared_in_the_terminal_and_as_a_page(storage: Path, tmp_path: Path) -> None:
    client = MlflowClient(address(storage))
    experiments = [found.experiment_id for found in client.search_experiments()]
    one, other = (
        client.search_runs(experiments, f"tags.`evsweep.trial` = '{index}' and tags.`evsweep.sweep` = 'demo'")[-1]
        for index in (0, 2)
    )
    done = reports(
        *("compare", one.info.run_id, other.info.run_name, "--out", "out"),
        cwd=tmp_path,
        MLFLOW_TRACKING_URI=address(storage),
    )
    assert done.returncode == 0, done.stderr
    for expected in ("model.head.size_aware_loss", "AP_S", "not shown", "comparison: out/report.html"):
        assert expected in done.stdout
    assert "run_dir" not in done.stdout
    page = (tmp_path / "out" / "report.html").read_text()
    assert "data:image/png" in page


@pytest.fixture
def served(storage: Path) -> Iterator[str]:
    """The address of a tracking server over the same store."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--backend-store-uri", address(storage)],
        cwd=storage,
        env=environment() | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(600):
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_server_and_its_database_give_the_same_bytes_of_csv(storage: Path, served: str, tmp_path: Path) -> None:
    for name, uri in (("database", address(storage)), ("server", served)):
        done = reports("build", "demo", "--tracking-uri", uri, "--no-attach", "--out", name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    tables = {path.name: path.read_bytes() for path in (tmp_path / "database" / "tables").glob("*.csv")}
    assert len(tables) > 5
    assert tables == {path.name: path.read_bytes() for path in (tmp_path / "server" / "tables").glob("*.csv")}


@pytest.fixture
def growing(tmp_path: Path, make_sweep: MakeSweep, publish_sweep: PublishSweep) -> tuple[Path, Callable[[str], None]]:
    """A store with a running sweep of one trial, and what lets a second one end, and then the sweep."""
    (tmp_path / "sweeps").mkdir()
    whole = make_sweep(trials=2, states=["COMPLETE"] * 2, finalists=(), state="RUNNING")
    first = replace(whole, trials=whole.trials[:1])
    publish_sweep(address(tmp_path), first)

    def grow(stage: str) -> None:
        client = MlflowClient(address(tmp_path))
        (parent,) = client.search_runs([client.search_experiments()[0].experiment_id], "tags.`evsweep.kind` = 'sweep'")
        if stage == "trial":
            trial = whole.trials[1]
            tags = {**trial.tags, "mlflow.parentRunId": parent.info.run_id}
            run = client.create_run(parent.info.experiment_id, run_name=trial.name, tags=tags)
            client.log_metric(run.info.run_id, "AP", 0.3, step=200)
            client.set_terminated(run.info.run_id, "FINISHED")
        else:
            client.set_terminated(parent.info.run_id, "FINISHED")

    return tmp_path, grow


@pytest.fixture
def watching(growing: tuple[Path, Callable[[str], None]]) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "reports", "watch", "demo", "--interval", "1", "--out", "out"],
        cwd=growing[0],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()


def read_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate(timeout=60)[1]
    return line


def test_watch_builds_again_as_the_sweep_grows_and_ends_with_it(
    growing: tuple[Path, Callable[[str], None]], watching: "subprocess.Popen[str]"
) -> None:
    folder, grow = growing
    assert read_line(watching) == "1 is complete; report: out/report.html\n"
    first = (folder / "out" / "report.html").read_text()
    assert "still running" in first
    time.sleep(3)
    assert (folder / "out" / "report.html").read_text() == first
    grow("trial")
    assert read_line(watching) == "2 are complete; report: out/report.html\n"
    grow("end")
    rest, complaints = watching.communicate(timeout=200)
    assert watching.returncode == 0, complaints
    assert rest.endswith("report: out/report.html\n")
    last = (folder / "out" / "report.html").read_text()
    assert "still running" not in last
    assert "2 trials" in last
    assert "report/report.html" in attached(folder, "demo")


def test_watch_survives_a_store_that_is_away_and_ends_on_ctrl_c(
    growing: tuple[Path, Callable[[str], None]], watching: "subprocess.Popen[str]"
) -> None:
    folder, grow = growing
    assert "1 is complete" in read_line(watching)
    database = folder / "sweeps" / "mlflow.db"
    database.rename(folder / "away.db")
    time.sleep(3)
    assert watching.poll() is None
    (folder / "away.db").replace(database)
    grow("trial")
    assert "2 are complete" in read_line(watching)
    watching.send_signal(signal.SIGINT)
    _, complaints = watching.communicate(timeout=60)
    assert watching.returncode == 130
    assert "Traceback" not in complaints
    assert complaints.count("The sweep cannot be read now") == 1
    assert "The sweep can be read again." in complaints
    assert (folder / "out" / "report.html").is_file()
