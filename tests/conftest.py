"""Fixtures that every test may use, and checked tensor shapes."""

import os
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from jaxtyping import install_import_hook

# Shapes and dtypes of the core tensor functions are checked at every call in the tests. Left out: `model.nms`, whose
# compiled functions the check cannot wrap, and functions whose tests pass wrong types on purpose.
install_import_hook(
    [
        "trainable.boxes",
        "trainable.data.augment_events",
        "trainable.losses.assignment",
        "trainable.losses.detection",
        "trainable.losses.focal",
        "trainable.losses.iou",
        "trainable.model.attention",
        "trainable.model.backbone",
        "trainable.model.convolution",
        "trainable.model.detector",
        "trainable.model.geometry",
        "trainable.model.head",
        "trainable.model.lstm",
        "trainable.model.pyramid",
        "trainable.model.stage",
    ],
    "beartype.beartype",
)
# Commands are printed by name where the shell finds this environment's programs, as in an activated one.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
torch.set_num_threads(1)  # the tests run in as many processes as there are cores

# The same examples in every run, and no time limits: the machines that run the tests are shared.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

SHARED_DIR = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with golden numbers and real recordings, beside the repository; skips where it is absent."""
    if not SHARED_DIR.is_dir():
        pytest.skip(f"needs the golden numbers and recordings in {SHARED_DIR}, which is not there")
    return SHARED_DIR
