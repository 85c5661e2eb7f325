import argparse

import pytest
import torch

from trainable.errors import CheckpointError
from trainable.model import read_checkpoint, read_weights

WEIGHTS = {"mdl.a": torch.arange(3.0), "mdl.b": torch.ones(2, 2)}


@pytest.fixture
def saved(tmp_path):
    def save(content):
        path = tmp_path / "model.ckpt"
        torch.save(content, path)
        return path

    return save


def test_a_lightning_checkpoint_gives_its_weights(saved):
    path = saved({"state_dict": WEIGHTS, "global_step": 7})
    assert read_checkpoint(path)["global_step"] == 7
    torch.testing.assert_close(read_weights(path), WEIGHTS)


def test_a_bare_state_dict_gives_its_weights(saved):
    torch.testing.assert_close(read_weights(saved(WEIGHTS)), WEIGHTS)


def test_a_file_that_needs_unpickling_is_refused_with_the_way_out(saved):
    path = saved({"state_dict": WEIGHTS, "hyper_parameters": argparse.Namespace(lr=1.0)})
    with pytest.raises(
        CheckpointError, match=r"model\.ckpt holds more than .*argparse\.Namespace.*allow_unpickling=true"
    ):
        read_weights(path)
    torch.testing.assert_close(read_weights(path, allow_unpickling=True), WEIGHTS)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"checkpoint file at .*missing\.ckpt, found none"):
        read_checkpoint(tmp_path / "missing.ckpt")


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="found none"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_file_that_was_cut_short_is_named(saved, share):
    path = saved({"state_dict": {"a": torch.randn(1000)}})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CheckpointError, match=r"model\.ckpt is no checkpoint .* cut short"):
        read_checkpoint(path)


@pytest.mark.parametrize("allow_unpickling", [False, True])
def test_a_damaged_file_is_named(saved, allow_unpickling):
    path = saved({"state_dict": WEIGHTS})
    content = bytearray(path.read_bytes())
    start = content.index(b"state_dict")
    content[start - 20 : start + 40] = b"\xff" * 60
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.ckpt is damaged"):
        read_checkpoint(path, allow_unpickling=allow_unpickling)


def test_a_file_without_a_dictionary_is_refused(saved):
    with pytest.raises(CheckpointError, match=r"expected a dictionary .* got list"):
        read_checkpoint(saved([torch.ones(2)]))


def test_a_checkpoint_without_weights_is_refused(saved):
    with pytest.raises(CheckpointError, match=r'expected tensors under "state_dict".*it holds epoch, loss'):
        read_weights(saved({"epoch": 3, "loss": 0.5}))
