"""From boxes to match records."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainable.errors import DataError
from trainable.evaluation.candidates import overlapping_pairs
from trainable.evaluation.frame_boxes import FrameBoxes
from trainable.evaluation.ordering import narrow
from trainable.evaluation.protocol import EvaluationProtocol
from trainable.evaluation.records import BoxRecords, MatchRecords

Boxes = FrameBoxes | Sequence[NDArray[np.void]]
"""A table of boxes, or one structured array a frame."""


def collect_match_records(
    ground_truth: Boxes,
    detections: Boxes,
    protocol: EvaluationProtocol,
    *,
    frame_times_us: ArrayLike | None = None,
    frame_sequences: ArrayLike | None = None,
    sequence_names: Sequence[str] | None = None,
) -> MatchRecords:
    """Compare detections with truths and keep what the metrics need.

    Args:
        ground_truth: As for `evaluate`.
        detections: As for `evaluate`.
        protocol: What is measured.
        frame_times_us: As for `evaluate`.
        frame_sequences: As for `evaluate`.
        sequence_names: One name a recording; by default their numbers.

    Raises:
        DataError: Boxes that cannot be evaluated, or arguments of differing length.
    """
    times_us = None if frame_times_us is None else np.asarray(frame_times_us)
    sequence = None if frame_sequences is None else np.asarray(frame_sequences)
    truths = _as_table(ground_truth, scored=False)
    found = _as_table(detections, scored=True)
    truths.check_classes(len(protocol.class_names))
    found.check_classes(len(protocol.class_names))
    if found.score is None:
        raise DataError("`detections` must have scores, got a table without; fill `FrameBoxes.score`")

    num_frames = _count_frames(
        {
            "ground_truth": ground_truth,
            "detections": detections,
            "frame_times_us": times_us,
            "frame_sequences": sequence,
        }
    )
    if times_us is None and not isinstance(ground_truth, FrameBoxes):
        times_us = _times_of(ground_truth)
    sequence = np.zeros(num_frames, np.int64) if sequence is None else sequence.astype(np.int64)
    names = _name_sequences(sequence, sequence_names)

    truth_rows = np.lexsort((narrow(truths.class_id), narrow(truths.frame)))
    found_rows = np.lexsort((narrow(found.class_id), narrow(found.frame), -found.score))
    counts = np.ones(num_frames, np.bool_)
    if protocol.box_filter is not None and times_us is not None:
        counts = times_us > protocol.box_filter.skip_first_us
    truth_records = _describe(truths, truth_rows, protocol, counts)
    counts_with_truths = np.zeros(num_frames, np.bool_)
    counts_with_truths[truth_records.frame[truth_records.passes_filter]] = True
    return MatchRecords(
        protocol=protocol,
        sequence_names=names,
        frame_sequence=sequence,
        truths=truth_records,
        detections=_describe(found, found_rows, protocol, counts_with_truths),
        pairs=overlapping_pairs(
            found.frame[found_rows],
            found.xywh[found_rows],
            truth_records.frame,
            truths.xywh[truth_rows],
            num_frames,
        ),
    )


def _as_table(boxes: Boxes, *, scored: bool) -> FrameBoxes:
    return boxes if isinstance(boxes, FrameBoxes) else FrameBoxes.from_frames(boxes, scored=scored)


def _describe(
    boxes: FrameBoxes, rows: NDArray[np.int64], protocol: EvaluationProtocol, frame_counts: NDArray[np.bool_]
) -> BoxRecords:
    """Records of a table's rows; `frame_counts` says which frames pass the box filter at all, `(frames,)`."""
    frame, (width, height) = boxes.frame[rows], boxes.xywh[rows, 2:].T
    passes = frame_counts[frame]
    if protocol.box_filter is not None:
        passes &= protocol.box_filter.passes(width, height, input_px_per_sensor_px=protocol.input_px_per_sensor_px)
    return BoxRecords(frame, boxes.class_id[rows], protocol.in_bin(width * height), passes)


def _times_of(ground_truth: Sequence[NDArray[np.void]]) -> NDArray[np.int64] | None:
    """Each frame's time by its truths, `(frames,)`, or `None` if they have no field t.

    A frame without truths gets 0: it never counts where times matter.
    """
    times_us = np.zeros(len(ground_truth), np.int64)
    for frame, boxes in enumerate(ground_truth):
        if len(boxes) == 0:
            continue
        if "t" not in (boxes.dtype.names or ()):
            return None
        times_us[frame] = boxes["t"][0]
        if (boxes["t"] != boxes["t"][0]).any():
            raise DataError(
                f"frame {frame}: all truths must share one time t, got {boxes['t'].min()} to {boxes['t'].max()} µs; "
                "split the frame, or give `frame_times_us`"
            )
    return times_us


def _count_frames(given: dict[str, Boxes | NDArray[np.generic] | None]) -> int:
    """The number of frames that all arguments agree on."""
    tables = {name: value for name, value in given.items() if isinstance(value, FrameBoxes)}
    lengths = {name: len(value) for name, value in given.items() if value is not None and name not in tables}
    last = {name: int(table.frame.max(initial=-1)) for name, table in tables.items()}
    num_frames = max(lengths.values()) if lengths else max(last.values()) + 1
    if len(set(lengths.values())) > 1:
        raise DataError(
            f"all arguments must cover the same frames, got {lengths}; give an empty array for a frame without boxes"
        )
    for name, frame in last.items():
        if frame >= num_frames:
            raise DataError(
                f"`{name}` has a box in frame {frame}, but there are {num_frames} frames ({lengths}); "
                "number frames from 0"
            )
    return num_frames


def _name_sequences(sequence: NDArray[np.int64], names: Sequence[str] | None) -> tuple[str, ...]:
    highest = int(sequence.max(initial=0))
    names = [str(index) for index in range(highest + 1)] if names is None else names
    if sequence.min(initial=0) < 0 or highest >= len(names):
        raise DataError(
            f"`frame_sequences` must lie from 0 to {len(names) - 1}, one number a name, "
            f"got {sequence.min(initial=0)} to {highest}; name every recording"
        )
    return tuple(names)
