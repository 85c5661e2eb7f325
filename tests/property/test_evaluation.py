"""The metrics against pycocotools, to the bit, over random frames made to be awkward."""

import contextlib
import io
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from trainable.evaluation import (
    BoxFilter,
    EvaluationProtocol,
    FrameBoxes,
    collect_match_records,
    metrics_from_records,
    precision_curves,
)
from trainable.evaluation.accumulate import accumulate
from trainable.evaluation.matcher import match
from trainable.object_sizes import AreaBin

FUZZ = settings(max_examples=80, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.data_too_large])
AREA_BINS = (AreaBin("small", 0, 64), AreaBin("medium", 64, 256), AreaBin("large", 256, 1e10))
SENSOR_BINS = (AreaBin("0-100", 0, 100), AreaBin("100-400", 100, 400), AreaBin("empty", 5e9, 6e9))
BOX_FILTER = BoxFilter(min_diagonal_px=26, min_side_px=14, skip_first_us=1000)


@dataclass(frozen=True)
class Case:
    """Frames whose boxes often tie: in score, in IoU, and with the bins' edges."""

    truths: FrameBoxes
    detections: FrameBoxes
    protocol: EvaluationProtocol
    times_us: NDArray[np.int64]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frames = draw(st.integers(1, 8))
    num_classes = draw(st.integers(1, 3))
    truths_in_frame = draw(st.sampled_from([0, 1, 4, 12]))
    detections_in_frame = draw(st.sampled_from([0, 1, 8, 40]))
    whole_numbers = draw(st.booleans())
    score_levels = draw(st.sampled_from([1, 3, 1_000_000]))
    caps = draw(st.sampled_from([(1, 10, 100), (1, 2, 3), (5,), (2, 7)]))

    n = rng.poisson(truths_in_frame, frames)
    truth_frame = np.repeat(np.arange(frames), n)
    truth_xywh = np.hstack([rng.integers(0, 40, (n.sum(), 2)), rng.choice([4, 8, 10, 16, 20], (n.sum(), 2))]) * 1.0
    truth_class = rng.integers(0, num_classes, n.sum())
    m = rng.poisson(detections_in_frame, frames)
    frame = np.repeat(np.arange(frames), m)
    xywh = np.hstack([rng.integers(0, 40, (m.sum(), 2)), rng.choice([4, 8, 10, 16, 20], (m.sum(), 2))]) * 1.0
    class_id = rng.integers(0, num_classes, m.sum())
    if n.sum():
        # Most detections are moved onto a truth of their frame, displaced by little or nothing.
        model = rng.integers(0, n.sum(), m.sum())
        near = (truth_frame[model] == frame) | (rng.random(m.sum()) < 0.5)
        frame = np.where(near, truth_frame[model], frame)
        jitter = rng.choice([-2, -1, 0, 0, 0, 1, 2], (m.sum(), 4))
        xywh = np.where(near[:, None], np.maximum(truth_xywh[model] + jitter, 1), xywh)
        class_id = np.where(near & (rng.random(m.sum()) < 0.8), truth_class[model], class_id)
    if not whole_numbers:
        truth_xywh += rng.random(truth_xywh.shape)
        xywh += rng.random(xywh.shape)
    score = rng.integers(1, score_levels + 1, m.sum()) / score_levels
    protocol = EvaluationProtocol(
        tuple("abc"[:num_classes]),
        area_bins=AREA_BINS,
        sensor_area_bins=SENSOR_BINS,
        downsample_by_factor_2=draw(st.booleans()),
        box_filter=BOX_FILTER,
        max_detections=caps,
    )
    shuffled = rng.permutation(m.sum())
    detections = FrameBoxes(frame[shuffled], xywh[shuffled], class_id[shuffled], score[shuffled])
    return Case(FrameBoxes(truth_frame, truth_xywh, truth_class), detections, protocol, np.arange(frames) * 1000 + 500)


def as_coco(boxes: FrameBoxes, frames: list[int], num_classes: int) -> COCO:
    rows = [row for row in range(len(boxes)) if boxes.frame[row] in frames]
    xywh = boxes.xywh.tolist()
    coco = COCO()
    coco.dataset = {
        "images": [{"id": frame} for frame in frames],
        "categories": [{"id": class_id} for class_id in range(num_classes)],
        "annotations": [
            {
                "id": number,
                "image_id": int(boxes.frame[row]),
                "category_id": int(boxes.class_id[row]),
                "bbox": xywh[row],
                "area": xywh[row][2] * xywh[row][3],
                "iscrowd": 0,
                "score": 0.0 if boxes.score is None else float(boxes.score[row]),
            }
            for number, row in enumerate(rows, start=1)
        ],
    }
    coco.createIndex()
    return coco


def passing(boxes: FrameBoxes, case: Case) -> FrameBoxes:
    """The boxes that the filter keeps, one at a time and in plain words."""
    scale = 0.5 if case.protocol.downsample_by_factor_2 else 1.0
    keep = [
        row
        for row, (_, _, width, height) in enumerate(boxes.xywh)
        if min(width, height) >= 14 * scale
        and width**2 + height**2 >= (26 * scale) ** 2
        and case.times_us[boxes.frame[row]] > 1000
    ]
    score = None if boxes.score is None else boxes.score[keep]
    return FrameBoxes(boxes.frame[keep], boxes.xywh[keep], boxes.class_id[keep], score)


def pycocotools_curves(
    case: Case, *, class_agnostic: bool, filtered: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision `(bins, thresholds, recall points, classes)` and recall `(caps, bins, thresholds, classes)`."""
    truths, detections = case.truths, case.detections
    frames = list(range(len(case.times_us)))
    if filtered:
        truths, detections = passing(truths, case), passing(detections, case)
        frames = sorted({int(frame) for frame in truths.frame})
    num_classes = len(case.protocol.class_names)
    scale = 4.0 if case.protocol.downsample_by_factor_2 else 1.0
    sensor = [[area_bin.lower_px2 / scale, area_bin.upper_px2 / scale] for area_bin in SENSOR_BINS]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(as_coco(truths, frames, num_classes), as_coco(detections, frames, num_classes), "bbox")
        evaluation.params.useCats = int(not class_agnostic)
        evaluation.params.maxDets = list(case.protocol.max_detections)
        evaluation.params.areaRng = [[0, 1e10], *([bin_.lower_px2, bin_.upper_px2] for bin_ in AREA_BINS), *sensor]
        evaluation.evaluate()
        evaluation.accumulate()
    precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]
    assert (precision >= 0).any() == (len(truths) > 0)
    precision, recall = (np.where(values == -1, np.nan, values) for values in (precision, recall))
    return precision[..., -1].transpose(3, 0, 1, 2), recall.transpose(3, 2, 0, 1)


@pytest.mark.parametrize("class_agnostic", [False, True])
@pytest.mark.parametrize("filtered", [False, True])
@FUZZ
@given(case=cases())
def test_curves_equal_those_of_pycocotools_to_the_bit(class_agnostic: bool, filtered: bool, case: Case) -> None:
    if filtered and len(passing(case.truths, case)) == 0:
        return
    records = collect_match_records(case.truths, case.detections, case.protocol, frame_times_us=case.times_us)
    matches = match(records, class_agnostic=class_agnostic, filtered=filtered)
    curves = accumulate(records, matches, filtered=filtered, frame_weight=records.frame_weights(None))
    precision, recall = pycocotools_curves(case, class_agnostic=class_agnostic, filtered=filtered)
    np.testing.assert_array_equal(curves.precision, precision)
    np.testing.assert_array_equal(curves.recall, recall)


@pytest.mark.parametrize("filtered", [False, True])
@FUZZ
@given(case=cases())
def test_precision_curves_are_those_of_pycocotools_and_their_means_the_average_precisions(
    filtered: bool, case: Case
) -> None:
    if filtered and len(passing(case.truths, case)) == 0:
        return
    records = collect_match_records(case.truths, case.detections, case.protocol, frame_times_us=case.times_us)
    precision = precision_curves(records, filtered=filtered).precision
    np.testing.assert_array_equal(precision, pycocotools_curves(case, class_agnostic=False, filtered=filtered)[0])
    metrics = metrics_from_records(records)
    figures = metrics.prophesee if filtered else metrics.unfiltered
    assert figures is not None
    for class_id, name in enumerate(case.protocol.class_names):
        scores = [figures.by_class[name].all, *figures.by_class[name].by_area.values()]
        means = precision.mean(axis=(1, 2))[: len(scores), class_id]
        np.testing.assert_allclose(means, [one.AP for one in scores], rtol=0, atol=1e-12)


@FUZZ
@given(case=cases())
def test_summary_equals_that_of_pycocotools_to_the_bit(case: Case) -> None:
    records = collect_match_records(case.truths, case.detections, case.protocol, frame_times_us=case.times_us)
    metrics = metrics_from_records(records)
    precision, recall = pycocotools_curves(case, class_agnostic=False, filtered=False)

    def mean(values: NDArray[np.float64]) -> float:
        defined = values[~np.isnan(values)]
        return float(np.mean(defined)) if defined.size else np.nan

    expected = {
        "AP": precision[0],
        "AP50": precision[0, :1],
        "AP75": precision[0, 5:6],
        "AP_S": precision[1],
        "AP_M": precision[2],
        "AP_L": precision[3],
        "AR": recall[-1, 0],
        "AR_S": recall[-1, 1],
        "AR_M": recall[-1, 2],
        "AR_L": recall[-1, 3],
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(getattr(metrics, name), mean(values), err_msg=name)
    by_class = [scores.all.AP for scores in metrics.unfiltered.by_class.values()]
    np.testing.assert_array_equal(by_class, [mean(values) for values in np.moveaxis(precision[0], 2, 0)])
    agnostic, _ = pycocotools_curves(case, class_agnostic=True, filtered=False)
    np.testing.assert_array_equal(metrics.AP_class_agnostic, mean(agnostic[0]))


@FUZZ
@given(case=cases(), data=st.data())
def test_multiplicities_give_what_duplicated_recordings_give(case: Case, data: st.DataObject) -> None:
    frames = len(case.times_us)
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    sequence = rng.integers(0, 3, frames)
    multiplicities = np.array(data.draw(st.tuples(*[st.integers(0, 3)] * 3)))
    detections = case.detections
    distinct = rng.permutation(len(detections)) / 1e3
    detections = FrameBoxes(detections.frame, detections.xywh, detections.class_id, distinct)
    records = collect_match_records(
        case.truths,
        detections,
        case.protocol,
        frame_times_us=case.times_us,
        frame_sequences=sequence,
        sequence_names="abc",
    )

    copies = [frame for frame in range(frames) for _ in range(multiplicities[sequence[frame]])]

    def copied(boxes: FrameBoxes) -> FrameBoxes:
        rows = [np.flatnonzero(boxes.frame == frame) for frame in copies]
        index = np.concatenate([np.empty(0, np.int64), *rows])
        frame = np.repeat(np.arange(len(copies)), [len(row) for row in rows])
        score = None if boxes.score is None else boxes.score[index]
        return FrameBoxes(frame, boxes.xywh[index], boxes.class_id[index], score)

    duplicated = collect_match_records(
        copied(case.truths), copied(detections), case.protocol, frame_times_us=case.times_us[copies]
    )
    expected = metrics_from_records(duplicated).flat()
    actual = metrics_from_records(records, multiplicities).flat()
    assert actual.keys() == expected.keys()
    np.testing.assert_allclose(list(actual.values()), list(expected.values()), rtol=0, atol=1e-12)
