"""What accompanies a training run: its record, its progress, its checkpoints, and a guard over its loss."""

from trainable.callbacks.checkpoints import Checkpoints
from trainable.callbacks.loss_guard import LossGuard
from trainable.callbacks.progress import Progress
from trainable.callbacks.recording import Recording

__all__ = ["Checkpoints", "LossGuard", "Progress", "Recording"]
