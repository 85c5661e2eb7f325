"""How much faster than pycocotools the metrics are, and what memory they take.

Run as `python tests/benchmarks/evaluation.py [frames ...]`. Synthetic frames: 59 detections and 7.9 truths each, 8
classes, 60 recordings, 44 % of the truths under 32² px. pycocotools does COCO's four bins once, with classes and
without a filter. "like for like" is the same work here; "everything" is what a validation reports: nine bins, with and
without classes, with and without the box filter, and the match records. Seconds are of CPU time, so that a busy machine
changes them little; both run on one thread.
"""

import contextlib
import io
import multiprocessing
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from statistics import median
from time import process_time

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from trainable.evaluation import (
    GEN4_BOX_FILTER,
    EvaluationProtocol,
    FrameBoxes,
    MatchRecords,
    collect_match_records,
    metrics_from_records,
    save_match_records,
)
from trainable.evaluation.accumulate import accumulate
from trainable.evaluation.matcher import match

CLASSES = tuple(f"class {number}" for number in range(8))
WIDTH, HEIGHT, RECORDINGS = 640, 360, 60


def synthetic_boxes(frames: int, seed: int = 0) -> tuple[FrameBoxes, FrameBoxes]:
    """Truths, and detections of which about a third lie near a truth."""
    rng = np.random.default_rng(seed)
    truth_frame = np.repeat(np.arange(frames), rng.poisson(7.9, frames))
    n = len(truth_frame)
    side = np.exp(rng.normal(3.6, 0.7, (n, 1)))
    wh = side * np.exp(rng.normal(0, 0.3, (n, 2)))
    truths = FrameBoxes(
        truth_frame,
        np.hstack([rng.random((n, 2)) * [WIDTH, HEIGHT], wh]),
        rng.choice(8, n, p=[0.38, 0.4, 0.07, 0.04, 0.02, 0.05, 0.01, 0.03]),
    )
    near = rng.integers(0, n, 20 * frames)
    scale = truths.xywh[near][:, [2, 3, 2, 3]]
    xywh_near = np.maximum(truths.xywh[near] + rng.normal(0, 0.12, (len(near), 4)) * scale, 0.5)
    far = rng.integers(0, frames, 39 * frames)
    xywh_far = np.hstack([rng.random((len(far), 2)) * [WIDTH, HEIGHT], np.exp(rng.normal(3.6, 0.7, (len(far), 2)))])
    wrong_class = rng.random(len(near)) < 0.1
    class_near = np.where(wrong_class, rng.integers(0, 8, len(near)), truths.class_id[near])
    detections = FrameBoxes(
        np.concatenate([truth_frame[near], far]),
        np.concatenate([xywh_near, xywh_far]),
        np.concatenate([class_near, rng.integers(0, 8, len(far))]),
        np.concatenate([rng.beta(2, 2, len(near)), rng.beta(1, 4, len(far))]),
    )
    return truths, detections


def as_coco(truths: FrameBoxes, detections: FrameBoxes, frames: int) -> tuple[COCO, COCO]:
    """The same boxes in pycocotools' form."""
    annotations = [
        {
            "id": row + 1,
            "image_id": int(frame),
            "category_id": int(class_id),
            "bbox": box,
            "area": box[2] * box[3],
            "iscrowd": 0,
        }
        for row, (frame, class_id, box) in enumerate(
            zip(truths.frame, truths.class_id, truths.xywh.tolist(), strict=True)
        )
    ]
    truth = COCO()
    truth.dataset = {
        "images": [{"id": frame} for frame in range(frames)],
        "annotations": annotations,
        "categories": [{"id": class_id} for class_id in range(len(CLASSES))],
    }
    truth.createIndex()
    rows = zip(detections.frame, detections.class_id, detections.xywh.tolist(), detections.score, strict=True)
    found = [
        {"image_id": int(frame), "category_id": int(class_id), "bbox": box, "score": float(score)}
        for frame, class_id, box, score in rows
    ]
    return truth, truth.loadRes(found)


def pycocotools_ap(frames: int) -> tuple[float, float]:
    """Seconds and AP."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth, found = as_coco(*synthetic_boxes(frames), frames)
        started = process_time()
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return process_time() - started, float(evaluation.stats[0])


def _records(frames: int, protocol: EvaluationProtocol) -> tuple[float, MatchRecords]:
    truths, detections = synthetic_boxes(frames)
    started = process_time()
    sequences = np.arange(frames) * RECORDINGS // frames
    return started, collect_match_records(truths, detections, protocol, frame_sequences=sequences)


def like_for_like_ap(frames: int) -> tuple[float, float]:
    """Seconds and AP with COCO's bins, classes and no filter."""
    started, records = _records(frames, EvaluationProtocol(CLASSES, sensor_area_bins=()))
    matches = match(records, class_agnostic=False, filtered=False)
    curves = accumulate(records, matches, filtered=False, frame_weight=records.frame_weights(None))
    return process_time() - started, float(np.nanmean(curves.precision[0]))


def everything_ap(frames: int) -> tuple[float, float]:
    """Seconds and AP of a whole report."""
    protocol = EvaluationProtocol(CLASSES, downsample_by_factor_2=True, box_filter=GEN4_BOX_FILTER)
    started, records = _records(frames, protocol)
    metrics = metrics_from_records(records)
    return process_time() - started, metrics.AP


def records_file(frames: int) -> tuple[float, float]:
    """Seconds to write the match records, and their size in MB."""
    _, records = _records(frames, EvaluationProtocol(CLASSES, box_filter=GEN4_BOX_FILTER))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "records.npz")
        started = process_time()
        save_match_records(path, records)
        return process_time() - started, os.path.getsize(path) / 1e6


def _added_memory(
    measured: Callable[[int], tuple[float, float]], frames: int, repeats: int = 3
) -> tuple[float, float, float]:
    measured(20)
    synthetic_boxes(frames)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    runs = [measured(frames) for _ in range(repeats)]
    seconds, figure = median(run[0] for run in runs), runs[0][1]
    return seconds, figure, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def in_fresh_process(
    measured: Callable[[int], tuple[float, float]], frames: int, repeats: int = 3
) -> tuple[float, float, float]:
    """Median seconds, figure and MiB added to the process's peak memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_added_memory, (measured, frames, repeats))


def main() -> None:
    """Print one table for each number of frames."""
    for frames in [int(argument) for argument in sys.argv[1:]] or [1000, 5000]:
        print(f"{frames} frames")
        reference, expected, memory = in_fresh_process(pycocotools_ap, frames, repeats=1)
        print(f"  pycocotools    {reference:7.2f} s           +{memory:5.0f} MiB  AP {expected:.15f}")
        for name, measured in {"like for like": like_for_like_ap, "everything": everything_ap}.items():
            seconds, ap, memory = in_fresh_process(measured, frames)
            print(f"  {name:14} {seconds:7.2f} s  {reference / seconds:5.1f} x  +{memory:5.0f} MiB  AP {ap:.15f}")
        seconds, megabytes, _ = in_fresh_process(records_file, frames)
        print(f"  match records  {seconds:7.2f} s           {megabytes:.2f} MB")


if __name__ == "__main__":
    main()
