"""Draws a few fixed moments after every validation: events, labels and detections."""

from trainable.callbacks.moment_files import MomentFiles
from trainable.tracking import RunTracking

SHOWN_SCORE = 0.25
"""Least score of a detection that is drawn: below, early in training, most are noise."""
SHOWN_DETECTIONS = 50


class EventImages(MomentFiles):
    """Writes `event_images/SEQUENCE_FRAME.png` for labelled frames with small objects."""

    made = "event images"

    def _make(self, tracking: RunTracking, step: int) -> None:
        from trainable.event_picture import event_colours, save_event_picture  # Matplotlib takes a second

        self._folder.event_images.mkdir(exist_ok=True)
        for moment in self._moments.newest(self._count):
            shown = moment.detections[moment.detections["class_confidence"] >= SHOWN_SCORE][:SHOWN_DETECTIONS]
            seconds = moment.time_us / 1e6
            path = self._folder.event_images / f"{moment.sequence}_{moment.frame:05d}.png"
            save_event_picture(
                path,
                event_colours(moment.events),
                caption=f"{moment.sequence}, {seconds:.2f} s, after {step:,} steps, scores from {SHOWN_SCORE:g}",
                labels=moment.labels,
                detections=shown,
                class_names=self._moments.class_names,
            )
            tracking.artifact(path, "event_images")
