"""Match records on disk: one compressed `.npz` without pickles."""

import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainable.errors import ConfigError, DataError
from trainable.evaluation.candidates import Pairs
from trainable.evaluation.ordering import narrow
from trainable.evaluation.protocol import IOU_THRESHOLDS, EvaluationProtocol
from trainable.evaluation.records import BoxRecords, MatchRecords
from trainable.files import written_whole

FORMAT_VERSION = 1


def save_match_records(path: str | os.PathLike[str], records: MatchRecords) -> None:
    """Write the records; the file appears whole or not at all.

    Args:
        path: Where to; an older file there is replaced. Its folder must exist.
        records: What `collect_match_records` gave.

    Raises:
        DataError: The file cannot be written.
    """
    path = Path(path)
    meta = {
        "version": FORMAT_VERSION,
        "protocol": records.protocol.to_json(),
        "sequence_names": list(records.sequence_names),
    }
    columns: dict[str, Any] = {
        "meta": np.array(json.dumps(meta)),
        "frame_sequence": narrow(records.frame_sequence),
        **_encode_boxes("truth", records.truths),
        **_encode_boxes("detection", records.detections),
        **_encode_pairs(records),
    }
    try:
        with written_whole(path) as draft, draft.open("wb") as file:
            np.savez_compressed(file, **columns)
    except OSError as error:
        raise DataError(
            f"{path}: match records cannot be written: {error}; check the folder and its free space"
        ) from error


def load_match_records(path: str | os.PathLike[str]) -> MatchRecords:
    """Read what `save_match_records` wrote.

    Args:
        path: The file.

    Raises:
        DataError: The file is absent, damaged, of another kind or of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            meta = json.loads(str(file["meta"]))
            if meta["version"] != FORMAT_VERSION:
                raise DataError(
                    f"{path}: match records must have format version {FORMAT_VERSION}, got {meta['version']}; "
                    "read them with the release that wrote them, or validate again"
                )
            return _decode(meta, {name: file[name] for name in file.files if name != "meta"})
    except FileNotFoundError as error:
        raise DataError(f"{path}: expected match records, found no such file; check the path") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, ConfigError) as error:
        raise _damaged(path, error) from error
    except (zipfile.BadZipFile, zlib.error, IndexError, NotImplementedError) as error:
        raise _damaged(path, error) from error


def _damaged(path: str | os.PathLike[str], error: Exception) -> DataError:
    return DataError(
        f"{path}: expected match records (.npz), got a file that cannot be read as such "
        f"({type(error).__name__}: {error}); validate again to write it anew"
    )


def _encode_boxes(kind: str, boxes: BoxRecords) -> dict[str, NDArray[Any]]:
    return {
        f"{kind}_frame": narrow(boxes.frame),
        f"{kind}_class": narrow(boxes.class_id),
        f"{kind}_in_bin": np.packbits(boxes.in_bin, axis=1),
        f"{kind}_passes_filter": np.packbits(boxes.passes_filter),
    }


def _encode_pairs(records: MatchRecords) -> dict[str, NDArray[Any]]:
    """Pairs as a count for each detection, and truths numbered within their frame: small numbers compress well."""
    pairs, frame = records.pairs, records.detections.frame
    first_truth = np.searchsorted(records.truths.frame, frame[pairs.detection])
    return {
        "pairs_of_detection": narrow(np.bincount(pairs.detection, minlength=len(frame))),
        "pair_truth_in_frame": narrow(pairs.truth - first_truth),
        "pair_level": pairs.level,
    }


def _decode(meta: dict[str, Any], columns: dict[str, NDArray[Any]]) -> MatchRecords:
    """The records of a file; `ValueError` and its like where the columns contradict each other."""
    protocol = EvaluationProtocol.from_json(meta["protocol"])
    names = tuple(str(name) for name in meta["sequence_names"])
    frame_sequence = columns["frame_sequence"].astype(np.int64)
    _require(frame_sequence.max(initial=0) < len(names), "frame_sequence")
    truths = _decode_boxes("truth", columns, protocol, len(frame_sequence))
    detections = _decode_boxes("detection", columns, protocol, len(frame_sequence))
    _require(bool((np.diff(truths.frame) >= 0).all()), "truth_frame")

    counts = columns["pairs_of_detection"].astype(np.int64)
    _require(counts.shape == detections.frame.shape, "pairs_of_detection")
    detection = np.repeat(np.arange(len(counts)), counts)
    frame = detections.frame[detection]
    truth = columns["pair_truth_in_frame"] + np.searchsorted(truths.frame, frame)
    _require(truth.max(initial=-1) < len(truths) and bool((truths.frame[truth] == frame).all()), "pair_truth_in_frame")
    level = columns["pair_level"].astype(np.uint8)
    in_range = level.min(initial=1) >= 1 and level.max(initial=1) <= len(IOU_THRESHOLDS)
    _require(level.shape == truth.shape and bool(in_range), "pair_level")
    return MatchRecords(protocol, names, frame_sequence, truths, detections, Pairs(detection, truth, level))


def _decode_boxes(
    kind: str, columns: dict[str, NDArray[Any]], protocol: EvaluationProtocol, num_frames: int
) -> BoxRecords:
    frame, class_id = columns[f"{kind}_frame"].astype(np.int64), columns[f"{kind}_class"].astype(np.int64)
    in_bin, passes = columns[f"{kind}_in_bin"], columns[f"{kind}_passes_filter"]
    num_bytes = -(-len(frame) // 8)
    _require(frame.max(initial=-1) < num_frames, f"{kind}_frame")
    _require(class_id.shape == frame.shape and class_id.max(initial=0) < len(protocol.class_names), f"{kind}_class")
    _require(in_bin.shape == (protocol.num_bins, num_bytes), f"{kind}_in_bin")
    _require(passes.shape == (num_bytes,), f"{kind}_passes_filter")
    return BoxRecords(
        frame=frame,
        class_id=class_id,
        in_bin=np.unpackbits(in_bin, axis=1, count=len(frame)).astype(np.bool_),
        passes_filter=np.unpackbits(passes, count=len(frame)).astype(np.bool_),
    )


def _require(holds: bool, column: str) -> None:
    if not holds:
        raise ValueError(f"its column {column!r} contradicts the others")
