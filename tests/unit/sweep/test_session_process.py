"""What a session's process tells the driver."""

import multiprocessing
import threading

import pytest
from ray.exceptions import RayTaskError

from sweep import session_process
from sweep.folder import SweepFolder
from sweep.session_process import SessionProcess
from trainable.errors import ConfigError, SweepError


def test_a_mistake_that_a_ray_task_found_ends_the_sweep_with_its_text(
    make_sweep: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder: SweepFolder = make_sweep()  # type: ignore[operator]

    def fail(*arguments: object) -> None:
        error = RayTaskError("probe", "a long traceback", ConfigError("choose other rows"))  # type: ignore[no-untyped-call]
        raise error.as_instanceof_cause()  # type: ignore[no-untyped-call]

    monkeypatch.setattr(session_process, "cluster", fail)
    session = SessionProcess(folder, "trials", lambda assignment: None, 1, None)

    def wait() -> None:
        while session.is_running(5):
            pass

    with pytest.raises(SweepError, match=r"\Achoose other rows\Z"):
        wait()
    session.kill()
    assert not session.failure


def test_messages_of_several_threads_arrive_whole() -> None:
    near, far = multiprocessing.Pipe()
    driver = session_process.ToDriver(far)
    texts = [letter * 300_000 for letter in "abcd"]

    def send(text: str) -> None:
        for _ in range(5):
            driver.send(text)

    threads = [threading.Thread(target=send, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    received = [near.recv() for _ in range(20)]
    for thread in threads:
        thread.join()
    assert sorted(received) == sorted(texts * 5)
