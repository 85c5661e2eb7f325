"""Match records: all that the metrics need to know of an evaluation, without coordinates and scores."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainable.errors import DataError
from trainable.evaluation.candidates import Pairs
from trainable.evaluation.protocol import EvaluationProtocol


@dataclass(frozen=True, slots=True, eq=False)
class BoxRecords:
    """What is kept of truths or detections, one row a box.

    Attributes:
        frame: `(n,)` int64.
        class_id: `(n,)` int64.
        in_bin: Membership of each area bin, in the order of `EvaluationProtocol.in_bin`, `(bins, n)` bool.
        passes_filter: Whether the box counts in the filtered figures, `(n,)` bool.
    """

    frame: NDArray[np.int64]
    class_id: NDArray[np.int64]
    in_bin: NDArray[np.bool_]
    passes_filter: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True, slots=True, eq=False)
class MatchRecords:
    """The outcome of comparing detections with truths, from which every metric and its bootstrap follow exactly.

    Greedy matches depend on the bin, the filter, the threshold and on whether classes count. All of them follow from
    one list of overlapping pairs, so that is what is kept.

    Attributes:
        protocol: What is measured.
        sequence_names: One name a recording.
        frame_sequence: Each frame's index into `sequence_names`, `(frames,)` int64.
        truths: Ordered by frame, then class, then as given.
        detections: Ordered by falling score, then frame, then class, then as given.
        pairs: Overlapping detections and truths.
    """

    protocol: EvaluationProtocol
    sequence_names: tuple[str, ...]
    frame_sequence: NDArray[np.int64]
    truths: BoxRecords
    detections: BoxRecords
    pairs: Pairs

    def frame_weights(self, multiplicities: NDArray[np.int64] | None) -> NDArray[np.int64]:
        """How often each frame counts, `(frames,)`.

        Args:
            multiplicities: How often each recording counts, `(sequences,)` integers ≥ 0; `None` for once each.

        Raises:
            DataError: Multiplicities of another length, or negative.
        """
        if multiplicities is None:
            return np.ones(len(self.frame_sequence), dtype=np.int64)
        counts = np.asarray(multiplicities)
        if counts.shape != (len(self.sequence_names),) or counts.dtype.kind not in "iu" or (counts < 0).any():
            raise DataError(
                f"`multiplicities` must be {len(self.sequence_names)} integers ≥ 0, one a recording, "
                f"got {counts.dtype} of shape {counts.shape}; count how often each recording was drawn"
            )
        return counts.astype(np.int64)[self.frame_sequence]
