from pathlib import Path

import pytest
import pytorch_lightning as pl

from sweep import stop_request
from sweep.stop_request import StoppedByHand, StopRequest


def test_nothing_happens_without_a_request(tmp_path: Path) -> None:
    StopRequest(tmp_path / "requests" / "stop").check()


@pytest.mark.parametrize(("text", "reason"), [("too slow\n", "too slow"), ("", "stopped by hand")])
def test_the_request_says_why(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "stop").write_text(text)
    with pytest.raises(StoppedByHand) as raised:
        StopRequest(tmp_path / "stop").check()
    assert raised.value.code == reason


def test_the_file_is_looked_for_every_two_seconds_while_training_and_validating(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr(stop_request.time, "monotonic", lambda: now_s)
    request, trainer, module = StopRequest(tmp_path / "stop"), pl.Trainer(logger=False), pl.LightningModule()
    request.on_train_batch_start(trainer, module, None, 0)
    (tmp_path / "stop").touch()
    request.on_train_batch_start(trainer, module, None, 1)
    now_s += 1.9
    request.on_validation_batch_start(trainer, module, None, 0)
    now_s += 0.2
    with pytest.raises(StoppedByHand):
        request.on_validation_batch_start(trainer, module, None, 1)
