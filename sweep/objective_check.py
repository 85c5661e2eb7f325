"""Whether the validation split has what a sweep's objectives are measured on."""

import math
from collections.abc import Sequence
from itertools import islice

import numpy as np

from trainable.assembly import open_sequences
from trainable.config import Config
from trainable.data import EvalSampler
from trainable.detection_collector import evaluation_protocol
from trainable.evaluation import FrameBoxes, collect_match_records, metrics_from_records


def undefined_metrics(config: Config, names: Sequence[str]) -> list[str]:
    """The metrics that no detector can have a value of, as the validated frames hold no truth that they count.

    A metric is undefined for want of truths alone, so that validating without any detection tells.

    Args:
        config: A trial's configuration.
        names: Names in `Metrics.flat()`.

    Raises:
        EvsweepError: If the validation split cannot be used.
    """
    sequences = open_sequences(config, "val")
    sampler = EvalSampler(sequences, batch_size=config.batch_size.eval, sequence_length=config.dataset.sequence_length)
    limit = config.validation.limit_val_batches
    batches = int(limit * len(sampler)) if isinstance(limit, float) else limit
    frames = [
        (key.sequence, int(frame))
        for batch in islice(sampler, batches)
        for key in batch
        for frame in sequences[key.sequence].labelled_frames
        if key.start <= frame < key.stop
    ]
    frames.sort()
    records = collect_match_records(
        FrameBoxes.from_frames([sequences[sequence].labels(frame) for sequence, frame in frames], scored=False),
        FrameBoxes.from_frames([], scored=True),
        evaluation_protocol(config),
        frame_times_us=np.array([sequences[sequence].frame_times_us[frame] for sequence, frame in frames], np.int64),
        frame_sequences=np.array([sequence for sequence, _ in frames], np.int64),
        sequence_names=[sequence.name for sequence in sequences],
    )
    values = metrics_from_records(records).flat()
    return [name for name in names if math.isnan(values[name])]
