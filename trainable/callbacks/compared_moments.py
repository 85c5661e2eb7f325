"""Keeps a few fixed moments after every validation, so that reports can compare runs on them."""

from trainable.callbacks.moment_files import MomentFiles
from trainable.moment_file import MomentFile, save_moments
from trainable.tracking import RunTracking


class ComparedMoments(MomentFiles):
    """Writes `moments.npz`: events, labels and detections.

    Runs that validate on the same frames keep the same moments.
    """

    made = "compared moments"

    def _make(self, tracking: RunTracking, step: int) -> None:
        newest = self._moments.newest(self._count)
        save_moments(self._folder.moments, MomentFile(step, self._moments.class_names, newest))
        tracking.artifact(self._folder.moments)
