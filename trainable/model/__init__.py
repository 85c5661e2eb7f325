"""The detector: RVT's recurrent backbone, feature pyramid and head, with RVT's state-dict keys."""

from trainable.model.attention import AttentionOptions
from trainable.model.backbone import reset_state
from trainable.model.build import build_detector
from trainable.model.detector import Detector
from trainable.model.lstm import LstmOptions
from trainable.model.postprocess import postprocess
from trainable.model.rvt_checkpoint import read_checkpoint, read_weights
from trainable.model.stage import DownsampleOptions

__all__ = [
    "AttentionOptions",
    "Detector",
    "DownsampleOptions",
    "LstmOptions",
    "build_detector",
    "postprocess",
    "read_checkpoint",
    "read_weights",
    "reset_state",
]
