"""How fast all metrics of two configurations are resampled, against evaluating every resample anew.

Run as `python tests/benchmarks/bootstrap.py [frames] [resamples]`. Synthetic frames with 59 detections and 7.9 truths
each, 8 classes, 60 recordings, nine area bins, ten IoU thresholds, with and without classes, with and without the box
filter. The plain path, `metrics_from_records` for each resample, is timed on a few resamples. Seconds are of CPU time
on one thread, so that a busy machine changes them little.
"""

import sys
from time import process_time

import numpy as np
from evaluation import CLASSES, RECORDINGS, synthetic_boxes

from reports.bootstrap import bootstrap_metrics
from reports.comparison import compare
from reports.resamples import draw_resamples
from trainable.evaluation import GEN4_BOX_FILTER, EvaluationProtocol, collect_match_records, metrics_from_records

PLAIN_RESAMPLES = 5


def main() -> None:
    """Print seconds, their ratio, and the largest difference."""
    frames, resamples = [int(argument) for argument in sys.argv[1:]] or [5000, 1000]
    protocol = EvaluationProtocol(
        CLASSES, small_object_classes=CLASSES[2:5], downsample_by_factor_2=True, box_filter=GEN4_BOX_FILTER
    )
    sequence = np.arange(frames) * RECORDINGS // frames
    records = [
        collect_match_records(*synthetic_boxes(frames, seed), protocol, frame_sequences=sequence) for seed in (0, 1)
    ]
    multiplicities = draw_resamples(RECORDINGS, resamples=resamples)
    bootstrap_metrics(records[0], multiplicities[:1])  # compiles

    started = process_time()
    first, second = (bootstrap_metrics(of_run, multiplicities) for of_run in records)
    bootstrapped = process_time() - started
    for metric in first.names:
        compare([first], [second], metric)
    compared = process_time() - started - bootstrapped

    started = process_time()
    plain = [metrics_from_records(records[0], counts).flat() for counts in multiplicities[:PLAIN_RESAMPLES]]
    a_resample = (process_time() - started) / PLAIN_RESAMPLES
    differences = [
        np.nanmax(np.abs(list(flat.values()) - fast))
        for flat, fast in zip(plain, first.resampled[:, :PLAIN_RESAMPLES].T, strict=True)
    ]
    print(f"{frames} frames, {RECORDINGS} recordings, {resamples} resamples, {len(first.names)} metrics")
    print(f"  two configurations bootstrapped  {bootstrapped:7.2f} s")
    print(f"  compared in every metric         {compared:7.2f} s")
    print(f"  the plain path                   {a_resample:7.2f} s a resample and configuration")
    print(f"  ratio                            {2 * resamples * a_resample / bootstrapped:7.0f} x")
    print(f"  largest difference               {max(differences):.1e}")


if __name__ == "__main__":
    main()
