"""From the configuration to the parts of a run: the module, and the data of each split."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainable.config import Config
from trainable.data import (
    DetectionDataset,
    EvalSampler,
    TimedLoader,
    TrainSampler,
    class_balanced_weights,
    data_loader,
    open_split,
    preprocessed_as,
)
from trainable.data import Sequence as RecordedSequence
from trainable.detection_collector import DetectionCollector, evaluation_protocol
from trainable.errors import ConfigError, DataError
from trainable.lightning_module import DetectionModule, Optimization
from trainable.losses import SizeAwareSettings, detection_losses, is_quantile, resolve_threshold
from trainable.model import build_detector, read_weights
from trainable.training_boxes import TrainingBoxes
from trainable.types import Split


def with_recorded_resolution(config: Config, split: Split = "train") -> Config:
    """The configuration with `dataset.resolution_hw` read from the frames of a split, where it is not given.

    Raises:
        DataError: If the split is missing, empty or damaged.
    """
    dataset = config.dataset
    if dataset.resolution_hw is not None:
        return config
    sequence, *_ = open_split(
        Path(dataset.path),
        split,
        representation=dataset.ev_repr_name,
        downsample_by_factor_2=dataset.downsample_by_factor_2,
    )
    factor = 2 if dataset.downsample_by_factor_2 else 1
    return config.merged({"dataset.resolution_hw": [factor * size for size in sequence.frame_shape[1:]]})


def open_sequences(config: Config, split: Split) -> list[RecordedSequence]:
    """Open a split of the configured dataset and check that it fits the configuration.

    Raises:
        DataError: If the split is missing, empty or damaged, or holds classes that the class list does not name.
        ConfigError: If its frames have another size than the configuration says, or other classes.
    """
    dataset = config.dataset
    root = Path(dataset.path)
    sequences = open_split(
        root,
        split,
        representation=dataset.ev_repr_name,
        downsample_by_factor_2=dataset.downsample_by_factor_2,
    )
    recorded = preprocessed_as(root)
    if recorded is not None and (recorded == "demo") != (dataset.name == "demo"):
        raise ConfigError(
            f"{root} was preprocessed with --dataset {recorded}, whose classes are not those of "
            f"dataset={dataset.name}; use dataset={recorded}, or preprocess the recordings again"
        )
    channels, *frame_hw = sequences[0].frame_shape
    if tuple(frame_hw) != config.input_hw or channels != config.model.backbone.input_channels:
        raise ConfigError(
            f"{root / split} holds frames of {channels} channels, height {frame_hw[0]} and width {frame_hw[1]}, but "
            f"the configuration says model.backbone.input_channels={config.model.backbone.input_channels}, height "
            f"{config.input_hw[0]} and width {config.input_hw[1]} (from dataset.resolution_hw and "
            "dataset.downsample_by_factor_2); change those keys, or dataset.path"
        )
    for sequence in sequences:
        classes = sequence.all_labels["class_id"]
        if len(classes) and classes.max() >= config.num_classes:
            raise DataError(
                f"{root / split / sequence.name}: a label has class {classes.max()}, but the class list of dataset "
                f"{dataset.name} has {config.num_classes} names: {list(config.label_set.class_names)}; "
                "set model.head.num_classes or dataset.class_names to the labels' own list"
            )
    return sequences


def box_areas_px2(sequences: Sequence[RecordedSequence]) -> npt.NDArray[np.float64]:
    """Areas of all labels of some sequences, in model-input px²."""
    areas = [sequence.all_labels["w"].astype(np.float64) * sequence.all_labels["h"] for sequence in sequences]
    return np.concatenate(areas)


def training_boxes(config: Config, sequences: Sequence[RecordedSequence]) -> TrainingBoxes:
    """How large the labels of the training split are, by class; the labels are in memory already."""
    return TrainingBoxes.of(
        np.concatenate([sequence.all_labels["class_id"] for sequence in sequences]),
        box_areas_px2(sequences),
        class_names=config.label_set.class_names,
        sensor_px2_per_input_px2=config.sensor_px2_per_input_px2,
    )


def size_aware_settings(
    config: Config, training_areas_px2: Callable[[], npt.NDArray[np.float64]]
) -> SizeAwareSettings | None:
    """The size weighting that the configuration asks for, its thresholds resolved to areas.

    Args:
        config: The configuration.
        training_areas_px2: Gives the areas of the training boxes in model-input px²; called for quantiles only.

    Raises:
        ConfigError: If the thresholds do not fit the weight type.
    """
    head = config.model.head
    if not head.size_aware_loss:
        return None
    area_scale = config.sensor_px2_per_input_px2 if head.size_aware_area_space == "sensor" else 1.0
    areas = np.zeros(0)
    if is_quantile(head.small_threshold) or is_quantile(head.medium_threshold):
        areas = training_areas_px2() * area_scale
    return SizeAwareSettings(
        weight_type=head.weight_type,
        size_aware_weight=head.size_aware_weight,
        small_threshold=resolve_threshold(head.small_threshold, areas),
        medium_threshold=resolve_threshold(head.medium_threshold, areas),
        terms=head.size_aware_terms,
        normalize=head.size_aware_normalize,
        area_scale=area_scale,
        power_exponent=head.size_aware_power_exponent,
    )


def build_module(
    config: Config, size_aware: SizeAwareSettings | None = None, collector: DetectionCollector | None = None
) -> DetectionModule:
    """Build the detector with its loss and optimization; `checkpoint` gives its weights where it is set.

    Args:
        config: The configuration.
        size_aware: The loss's size weighting.
        collector: Where validation puts its detections.

    Raises:
        CheckpointError: If the checkpoint cannot be read or belongs to another architecture.
    """
    detector = build_detector(config)
    if config.checkpoint is not None:
        detector.load_rvt_state_dict(read_weights(config.checkpoint, allow_unpickling=config.allow_unpickling))
    return DetectionModule(
        detector,
        loss=partial(
            detection_losses,
            num_classes=config.num_classes,
            size_aware=size_aware,
            iou_loss=config.model.head.iou_loss,
            area_bins=config.dataset.evaluation.area_bins,
            num_scales=len(config.model.fpn.in_stages),
        ),
        optimization=Optimization.of(config.training),
        confidence_threshold=config.model.postprocess.confidence_threshold,
        nms_threshold=config.model.postprocess.nms_threshold,
        collector=collector,
    )


def build_collector(config: Config, sequences: Sequence[RecordedSequence]) -> DetectionCollector:
    """What gathers the detections on some sequences and evaluates them."""
    return DetectionCollector(sequences, evaluation_protocol(config), config.model.postprocess.score)


def build_train_loader(
    config: Config,
    sequences: Sequence[RecordedSequence],
    *,
    seed: int,
    micro_batch_size: int,
    start_position: int,
    rank: int,
    world_size: int,
) -> tuple[TimedLoader, TrainSampler]:
    """The endless micro-batches of one rank, the first `start_position` of them left out."""
    dataset = config.dataset
    weights = None
    if dataset.train.random.weighted_sampling:
        weights = class_balanced_weights(
            sequences,
            dataset.sequence_length,
            num_classes=config.num_classes,
            only_load_end_labels=dataset.only_load_end_labels,
        )
    sampler = TrainSampler(
        sequences,
        sampling=dataset.train.sampling,
        batch_size=config.batch_size.train,
        micro_batch_size=micro_batch_size,
        sequence_length=dataset.sequence_length,
        seed=seed,
        stream_weight=dataset.train.mixed.w_stream,
        random_weight=dataset.train.mixed.w_random,
        window_weights=weights,
        rank=rank,
        world_size=world_size,
        start_position=start_position,
    )
    data = DetectionDataset(
        sequences,
        seed=seed,
        stream_augmentation=dataset.data_augmentation.stream,
        random_augmentation=dataset.data_augmentation.random,
        only_load_end_labels=dataset.only_load_end_labels,
    )
    return data_loader(data, sampler, num_workers=config.hardware.num_workers.train), sampler


def build_eval_loader(
    config: Config, sequences: Sequence[RecordedSequence], *, rank: int = 0, world_size: int = 1
) -> TimedLoader:
    """Every frame of a split once, as one rank's share of streams.

    Raises:
        ConfigError: If some rank would have nothing to do, or `validation.limit_val_batches` leaves nothing.
    """
    if len(sequences) < world_size:
        raise ConfigError(
            f"{world_size} GPUs cannot share the evaluation of {len(sequences)} sequence(s), as a sequence stays on "
            "one GPU; use fewer in hardware.gpus"
        )
    sampler = EvalSampler(
        sequences,
        batch_size=config.batch_size.eval,
        sequence_length=config.dataset.sequence_length,
        rank=rank,
        world_size=world_size,
    )
    limit = config.validation.limit_val_batches
    if isinstance(limit, float) and int(limit * len(sampler)) == 0:
        raise ConfigError(
            f"validation.limit_val_batches={limit} leaves none of {len(sampler)} batches; give a larger share, or a "
            "number of batches"
        )
    return data_loader(DetectionDataset(sequences), sampler, num_workers=config.hardware.num_workers.eval)
