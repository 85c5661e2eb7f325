"""Losses of the detector: overlap, weights by object size, SimOTA assignment, and the sum of the named terms."""

from trainable.losses.assignment import Assignment, assign
from trainable.losses.detection import DetectionLosses, detection_losses
from trainable.losses.focal import sigmoid_focal_loss
from trainable.losses.iou import box_giou, box_iou, box_loss, pairwise_iou
from trainable.losses.size_aware import SizeAwareFocalLoss, SizeAwareIOULoss, SizeAwareLossWrapper
from trainable.losses.size_weights import SizeAwareSettings, size_weights
from trainable.losses.thresholds import is_quantile, resolve_threshold

__all__ = [
    "Assignment",
    "DetectionLosses",
    "SizeAwareFocalLoss",
    "SizeAwareIOULoss",
    "SizeAwareLossWrapper",
    "SizeAwareSettings",
    "assign",
    "box_giou",
    "box_iou",
    "box_loss",
    "detection_losses",
    "is_quantile",
    "pairwise_iou",
    "resolve_threshold",
    "sigmoid_focal_loss",
    "size_weights",
]
