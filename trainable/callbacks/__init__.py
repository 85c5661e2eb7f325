"""What accompanies a training run: its record, progress, checkpoints and pictures, and a guard over its loss."""

from trainable.callbacks.checkpoints import Checkpoints
from trainable.callbacks.compared_moments import ComparedMoments
from trainable.callbacks.event_images import EventImages
from trainable.callbacks.learning_curves import LearningCurves
from trainable.callbacks.loss_guard import LossGuard
from trainable.callbacks.progress import Progress
from trainable.callbacks.recording import Recording
from trainable.callbacks.validation_moments import ValidationMoments

__all__ = [
    "Checkpoints",
    "ComparedMoments",
    "EventImages",
    "LearningCurves",
    "LossGuard",
    "Progress",
    "Recording",
    "ValidationMoments",
]
