"""Average precision of one group of boxes in many resamples of the recordings at once, compiled.

One file, because numba's cache on disk notices changes in the file of the outermost function only.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from trainable.evaluation import IOU_THRESHOLDS, RECALL_THRESHOLDS

_NUM_THRESHOLDS = len(IOU_THRESHOLDS)
_LAST_POINT = len(RECALL_THRESHOLDS) - 1
_LANES = 64

# A recall f / T reaches point k if 100 f >= k T, except where the point's floating-point number lies above k / 100:
# there equality does not reach it.
_EXCEEDS = (np.arange(_LAST_POINT + 1) / _LAST_POINT < RECALL_THRESHOLDS).astype(np.int64)
_ALMOST_NONE = np.spacing(1.0)
_UNREACHABLE = np.iinfo(np.int32).max
_ALL_THRESHOLDS = (1 << _NUM_THRESHOLDS) - 1


def resampled_average_precision(
    recording: NDArray[np.int64],
    true_positive: NDArray[np.uint16],
    false_positive: NDArray[np.uint16],
    truths: NDArray[np.int64],
    multiplicities: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Average precision at each IoU threshold in each resample; NaN where a resample holds no truth.

    Args:
        recording: The recording of each detection, best score first, `(d,)`.
        true_positive: At which thresholds it is a true positive (bit t for threshold t), `(d,)`.
        false_positive: At which thresholds it is a false positive, `(d,)`.
        truths: Number of truths of each recording, `(recordings,)`.
        multiplicities: How often each recording counts, `(resamples, recordings)` integers ≥ 0.

    Returns:
        `(thresholds, resamples)`.

    Source: precision at COCO's recall points as in `trainable.evaluation`, walked from the worst detection to the best,
    so that the best precision from here on is at hand whenever a recall point is passed. All resamples of a block
    advance together, which vectorises.
    """
    resamples = len(multiplicities)
    blocks = -(-resamples // _LANES)
    padded = np.zeros((blocks * _LANES, multiplicities.shape[1]), np.int64)
    padded[:resamples] = multiplicities

    end = int(np.flatnonzero(true_positive)[-1:].sum()) + 1
    rows = np.flatnonzero(true_positive[:end] | false_positive[:end])[::-1]
    recording, true_positive, false_positive = recording[rows], true_positive[rows], false_positive[rows]
    result = _walk(
        recording,
        true_positive,
        false_positive,
        np.ascontiguousarray(padded.reshape(blocks, _LANES, -1).transpose(0, 2, 1), np.int32),
        _by_block(truths[None], padded)[:, 0],
        _by_block(_count_by_threshold(recording, true_positive, len(truths)), padded),
        _by_block(_count_by_threshold(recording, false_positive, len(truths)), padded),
    )
    return result.transpose(1, 0, 2).reshape(_NUM_THRESHOLDS, -1)[:, :resamples]


def _count_by_threshold(
    recording: NDArray[np.int64], mask: NDArray[np.uint16], num_recordings: int
) -> NDArray[np.int64]:
    """How many detections of each recording have a threshold's bit set, `(thresholds, recordings)`."""
    bits = range(_NUM_THRESHOLDS)
    return np.stack([np.bincount(recording[mask >> bit & 1 > 0], minlength=num_recordings) for bit in bits])


def _by_block(by_recording: NDArray[np.int64], multiplicities: NDArray[np.int64]) -> NDArray[np.int32]:
    """Totals `(n, recordings)` in each resample, `(blocks, n, lanes)`."""
    total = (by_recording @ multiplicities.T).astype(np.int32)
    return np.ascontiguousarray(total.reshape(len(by_recording), -1, _LANES).swapaxes(0, 1))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _walk(
    recording: NDArray[np.int64],
    true_positive: NDArray[np.uint16],
    false_positive: NDArray[np.uint16],
    counts: NDArray[np.int32],
    truths: NDArray[np.int32],
    all_found: NDArray[np.int32],
    all_missed: NDArray[np.int32],
) -> NDArray[np.float64]:
    """Average precision `(blocks, thresholds, lanes)` from detections that come worst first.

    Multiplicities `counts` are `(blocks, recordings, lanes)`, `truths` `(blocks, lanes)`; true positives `all_found`
    and false positives `all_missed` are `(blocks, thresholds, lanes)`.
    """
    result = np.full(all_found.shape, np.nan)
    needed, point = np.empty(all_found.shape[1:], np.int32), np.empty(all_found.shape[1:], np.int64)
    skipped = np.empty(_LANES, np.int32)
    for block in range(len(counts)):
        # False positives of all thresholds are most of the steps: they are counted once, in `skipped`.
        found, missed, num_truths = all_found[block], all_missed[block], truths[block]
        best, total = np.zeros(found.shape), np.zeros(found.shape)
        skipped[:], point[:], needed[:] = 0, _LAST_POINT + 1, _UNREACHABLE
        for bit in range(_NUM_THRESHOLDS):
            _pass_points(found[bit], needed[bit], point[bit], best[bit], total[bit], num_truths)
        for row in range(len(recording)):
            weight = counts[block, recording[row]]
            if false_positive[row] == _ALL_THRESHOLDS:
                skipped += weight
                continue
            for bit in range(_NUM_THRESHOLDS):
                if false_positive[row] >> bit & 1:
                    missed[bit] -= weight
                elif true_positive[row] >> bit & 1 and _take_hit(
                    weight, skipped, missed[bit], found[bit], needed[bit], best[bit]
                ):
                    _pass_points(found[bit], needed[bit], point[bit], best[bit], total[bit], num_truths)
        for lane in np.flatnonzero(num_truths):
            result[block, :, lane] = (total[:, lane] + best[:, lane]) / (_LAST_POINT + 1)
    return result


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _take_hit(
    weight: NDArray[np.int32],
    skipped: NDArray[np.int32],
    missed: NDArray[np.int32],
    found: NDArray[np.int32],
    needed: NDArray[np.int32],
    best: NDArray[np.float64],
) -> bool:
    """Note the precision at a true positive and step past it; say whether any resample passes a recall point."""
    passed = np.int32(0)
    for lane in range(_LANES):
        before = found[lane]
        precision = before / (np.float64(missed[lane] - skipped[lane] + before) + _ALMOST_NONE)
        best[lane] = max(precision, best[lane])
        found[lane] = before - weight[lane]
        passed |= np.int32(before - weight[lane] < needed[lane])
    return bool(passed != 0)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _pass_points(
    found: NDArray[np.int32],
    needed: NDArray[np.int32],
    point: NDArray[np.int64],
    best: NDArray[np.float64],
    total: NDArray[np.float64],
    num_truths: NDArray[np.int32],
) -> None:
    """Add the best precision for every recall point that the true positives left do not reach."""
    for lane in range(_LANES):
        while found[lane] < needed[lane]:
            if point[lane] <= _LAST_POINT:
                total[lane] += best[lane]
            point[lane] -= 1
            reaching = point[lane] * num_truths[lane] + _EXCEEDS[point[lane]]
            needed[lane] = (reaching + _LAST_POINT - 1) // _LAST_POINT
