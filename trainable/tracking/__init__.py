"""A run's tracking: an append-only local journal, replayed to MLflow without the training waiting for it."""

from trainable.tracking.background import FolderPublishing
from trainable.tracking.curves import CurveReader, journaled_curves
from trainable.tracking.entries import RunStatus
from trainable.tracking.links import default_uri, experiment_page, run_page, without_credentials
from trainable.tracking.pages import TrackingPages
from trainable.tracking.progress import Progress, read_progress
from trainable.tracking.publish import PublishSummary, publish
from trainable.tracking.run_tracking import RunTracking
from trainable.tracking.settle import settle

__all__ = [
    "CurveReader",
    "FolderPublishing",
    "Progress",
    "PublishSummary",
    "RunStatus",
    "RunTracking",
    "TrackingPages",
    "default_uri",
    "experiment_page",
    "journaled_curves",
    "publish",
    "read_progress",
    "run_page",
    "settle",
    "without_credentials",
]
