"""A small simulated dataset, the command line as a user runs it, a tracking server, and a browser."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from PIL import Image

from trainable.data import preprocess, simulate
from trainable.tracking import read_progress

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def raw_recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated recordings of a 96 x 160 sensor: 4 for training, 2 for validation, 1 for testing."""
    raw = tmp_path_factory.mktemp("simulated") / "raw"
    simulate(raw, seed=5, train=4, val=2, test=1, duration_s=1.5, height=96, width=160)
    return raw


@pytest.fixture(scope="session")
def dataset(raw_recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated recordings, preprocessed at half resolution."""
    out = tmp_path_factory.mktemp("preprocessed") / "dataset"
    preprocess(raw_recordings, out, dataset="demo")
    return out


@pytest.fixture(scope="session")
def small_run(dataset: Path) -> list[str]:
    """Overrides of a run that takes a fraction of a second a step."""
    return [
        "dataset=demo",
        f"dataset.path={dataset}",
        "dataset.resolution_hw=[96,160]",
        "+experiment=demo",
        "batch_size.train=4",
        "batch_size.eval=2",
        "reproduce.seed_everything=3",
        "tracking.enabled=false",
    ]


def command_environment() -> dict[str, str]:
    """One thread a process: the tests share two cores."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1"}


@pytest.fixture(scope="session")
def trainable() -> Command:
    """Runs `python -m trainable` with arguments in a folder, and returns what it printed and its exit code."""

    def run(*arguments: str, cwd: Path, **options: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # type: ignore[call-overload, no-any-return]
            [sys.executable, "-m", "trainable", *arguments],
            cwd=cwd,
            env=command_environment(),
            capture_output=True,
            text=True,
            check=False,
            **options,
        )

    return run


@pytest.fixture(scope="session")
def start_trainable() -> Callable[..., "subprocess.Popen[str]"]:
    """Starts `python -m trainable` with arguments in a folder, and returns the running process."""

    def start(*arguments: str, cwd: Path) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "trainable", *arguments],
            cwd=cwd,
            env=command_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


class Server:
    """An MLflow server on a fixed free port, which can be killed and started again over the same database."""

    def __init__(self, directory: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.database = directory / "server.db"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--workers", "1", "--host", "127.0.0.1", "--port", str(self.port)]
        options += ["--backend-store-uri", f"sqlite:///{self.database}"]
        options += ["--artifacts-destination", str(self._directory / "artifacts")]
        environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *options],
            cwd=self._directory,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait(answering=True)

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            self._wait(answering=False)

    def steps(self, directory: Path, metric: str = "loss") -> list[int]:
        """The steps of every stored point of a run's metric, doubles included."""
        progress = read_progress(directory)
        if progress is None:
            return []
        history = MlflowClient(self.uri).get_metric_history(progress.mlflow_run_id, metric)
        return sorted(point.step for point in history)

    def status(self, directory: Path) -> str | None:
        """A run's status; None before it is published."""
        progress = read_progress(directory)
        return None if progress is None else MlflowClient(self.uri).get_run(progress.mlflow_run_id).info.status

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=2):
                return True
        except OSError:
            return False

    def _wait(self, *, answering: bool) -> None:
        deadline = time.monotonic() + 60
        while self.answers() != answering:
            assert time.monotonic() < deadline, f"the server does not {'answer' if answering else 'end'} in a minute"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    try:
        yield server
    finally:
        server.kill()


class Browser:
    """A headless Chromium with one page, spoken to through a pair of pipes in Chromium's DevTools protocol."""

    def __init__(self, program: str, profile: Path) -> None:
        from_browser, its_output = os.pipe()
        its_input, to_browser = os.pipe()
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        command = [program, *options, f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{its_input} 4>&{its_output}', "browser", *command],
            pass_fds=(its_input, its_output),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(its_input)
        os.close(its_output)
        self._to, self._from = os.fdopen(to_browser, "wb", 0), os.fdopen(from_browser, "rb")
        self._asked = 0
        self._session: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._session = {"sessionId": session}
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> Any:
        self._asked += 1
        message = {"id": self._asked, "method": method, "params": params, **self._session}
        self._to.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._next())
            if answer.get("id") == self._asked:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _next(self) -> bytes:
        message = bytearray()
        while byte := self._from.read(1):
            if byte == b"\0":
                return bytes(message)
            message += byte
        raise EOFError("the browser has ended")

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives in the page."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def open(self, page: Path, *, width: int, dark: bool = False) -> None:
        """Open a page and wait until its charts are drawn."""
        self.events.clear()
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", media="screen", features=[scheme])
        self.ask("Page.navigate", url=page.as_uri())
        self.until("document.readyState === 'complete' && document.documentElement.dataset.charts === 'drawn'")

    def until(self, condition: str) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + 60
        while not self.value(condition):
            assert time.monotonic() < end, condition
            time.sleep(0.1)

    def picture(self) -> Image.Image:
        """What is seen of the page without scrolling."""
        return Image.open(BytesIO(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))).convert("RGB")

    def complaints(self) -> list[dict[str, Any]]:
        """What came to the console, and errors that nobody caught."""
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [event for event in self.events if event["method"] in kinds]

    def requests(self) -> list[str]:
        """Addresses that were asked for, but for data that an address holds itself."""
        asked = [
            event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"
        ]
        return [address for address in asked if not address.startswith(("data:", "blob:"))]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._to.close()
        self._from.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium; what needs it is skipped where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    browser = Browser(program, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()
