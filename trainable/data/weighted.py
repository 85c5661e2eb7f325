"""Weights for random sampling that favour rare classes and crowded windows."""

from collections.abc import Sequence as Several
from typing import Protocol

import numpy as np
import numpy.typing as npt

from trainable.data.windows import SequenceSummary, random_windows


class LabelledSequence(SequenceSummary, Protocol):
    """A sequence whose labels can be read."""

    def labels(self, frame: int) -> npt.NDArray[np.void]:
        """Labels of one frame, `(boxes,)` records of `BOX_DTYPE`."""
        ...


def class_balanced_weights(
    sequences: Several[LabelledSequence], sequence_length: int, *, num_classes: int, only_load_end_labels: bool = False
) -> npt.NDArray[np.float64]:
    """Weight of each of `random_windows`: its boxes, each counting as one over the number of boxes of its class.

    Boxes are counted over windows, so that a box in several windows counts several times.

    Args:
        sequences: All training sequences.
        sequence_length: Frames a window.
        num_classes: Number of classes.
        only_load_end_labels: Count the boxes of each window's last frame only.

    Returns:
        `(windows,)` float64, in the order of `random_windows`; not normalised.

    Source: RVT's weighted random sampler.
    """
    owners, stops = random_windows(sequences, sequence_length)
    counts = np.zeros((len(stops), num_classes))
    for index, sequence in enumerate(sequences):
        labelled = sequence.labelled_frames
        by_frame = [
            np.bincount(sequence.labels(frame)["class_id"], minlength=num_classes) for frame in labelled.tolist()
        ]
        total = np.concatenate([np.zeros((1, num_classes)), np.cumsum(by_frame, axis=0).reshape(-1, num_classes)])
        own = owners == index
        begin = stops[own] - (1 if only_load_end_labels else sequence_length)
        counts[own] = total[np.searchsorted(labelled, stops[own])] - total[np.searchsorted(labelled, begin)]
    weights: npt.NDArray[np.float64] = (counts / np.maximum(counts.sum(axis=0), 1)).sum(axis=1)
    return weights
