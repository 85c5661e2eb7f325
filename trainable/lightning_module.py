"""The Lightning module: recurrent windows in, losses and detections out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim.lr_scheduler import OneCycleLR

from trainable.config.run_schema import Training
from trainable.data import Batch
from trainable.detection_collector import DetectionCollector
from trainable.evaluation import MatchRecords, Metrics
from trainable.losses import DetectionLosses
from trainable.model import Detector, postprocess, reset_state
from trainable.process_group import all_gather
from trainable.random_states import random_states, restore_random_states
from trainable.recurrent_rows import RecurrentRows
from trainable.types import Anchors, Features

LossFunction = Callable[[Tensor, Anchors, Tensor], DetectionLosses]


@dataclass(frozen=True)
class Optimization:
    """AdamW under a linear one-cycle schedule, as in RVT.

    Attributes:
        learning_rate: The schedule's highest rate.
        weight_decay: AdamW's decoupled weight decay.
        schedule_steps: Length of the cycle in optimizer steps; `None` keeps the rate constant.
        pct_start: Share of the cycle in which the rate rises.
        div_factor: Highest rate over initial rate.
        final_div_factor: Highest rate over final rate.
    """

    learning_rate: float
    weight_decay: float
    schedule_steps: int | None
    pct_start: float
    div_factor: float
    final_div_factor: float

    @classmethod
    def of(cls, training: Training) -> "Optimization":
        """The optimization that the configuration asks for."""
        schedule = training.lr_scheduler
        return cls(
            learning_rate=training.learning_rate,
            weight_decay=training.weight_decay,
            schedule_steps=(schedule.total_steps or training.max_steps) if schedule.use else None,
            pct_start=schedule.pct_start,
            div_factor=schedule.div_factor,
            final_div_factor=schedule.final_div_factor,
        )


def logged_quantities(losses: DetectionLosses) -> dict[str, Tensor]:
    """Name in the logs to detached scalar, always under the same names."""
    named = {
        "loss": losses.total,
        "iou_loss": losses.iou,
        "conf_loss": losses.conf,
        "cls_loss": losses.cls,
        "num_fg": losses.num_fg,
        "mean_size_weight": losses.mean_weight,
        **{f"by_size/{name}": value for name, value in losses.by_bin.items()},
    }
    return {name: value.detach() for name, value in named.items()}


class DetectionModule(pl.LightningModule):
    """Trains and evaluates a detector on windows of event frames.

    Args:
        detector: The detector; its weights lie under `mdl.` in checkpoints, as in RVT's.
        loss: Decoded predictions with logits, anchors and labels to the losses.
        optimization: Optimizer and schedule.
        confidence_threshold: Least score of a detection.
        nms_threshold: Overlap (IoU) above which the lower-scored detection of a class is dropped.
        collector: Where validation puts its detections; none where there is no validation.

    Attributes:
        metrics: The newest validation's metrics.
        match_records: The newest validation's match records.
        validated_step: Optimizer steps done at the newest validation.
    """

    def __init__(
        self,
        detector: Detector,
        *,
        loss: LossFunction,
        optimization: Optimization,
        confidence_threshold: float,
        nms_threshold: float,
        collector: DetectionCollector | None = None,
    ) -> None:
        super().__init__()
        self.mdl = detector
        self._collector = collector
        self.metrics: Metrics | None = None
        self.match_records: MatchRecords | None = None
        self.validated_step: int | None = None
        self._loss = loss
        self._optimization = optimization
        self._confidence_threshold = confidence_threshold
        self._nms_threshold = nms_threshold
        self._training_rows = RecurrentRows()
        self._evaluation_rows = RecurrentRows()
        self._restored: dict[str, Any] | None = None

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Copy a batch without waiting for it."""
        return batch.to(device, non_blocking=True)

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """One micro-batch: the loss, and under `logged` all quantities worth logging, still on the device."""
        features = self._labelled_features(batch, self._training_rows)
        losses = self._loss(self.mdl.predict(features), self.mdl.anchors(), batch.labels)
        return {"loss": losses.total, "logged": logged_quantities(losses)}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Detections on the labelled frames of one batch go to the collector."""
        detections = self.detections(batch)
        if self._collector is not None:
            self._collector.add(batch, detections)

    def detections(self, batch: Batch) -> list[Tensor]:
        """Detections on the labelled frames of a batch that continues the rows of the one before.

        Returns:
            For each labelled frame `(n, 7)`: x1, y1, x2, y2 in input pixels, objectness, class probability, class.
        """
        features = self._labelled_features(batch, self._evaluation_rows)
        if not len(batch.labels):
            return []
        predictions = self.mdl.detect(features)
        return postprocess(predictions, self.mdl.num_classes, self._confidence_threshold, self._nms_threshold)

    def on_validation_epoch_start(self) -> None:
        """Forget detections and states of an earlier validation."""
        self._evaluation_rows.clear()
        if self._collector is not None:
            self._collector.clear()

    def on_validation_epoch_end(self) -> None:
        """Evaluate the detections of all ranks together, so that every rank has the exact metrics."""
        self._evaluation_rows.clear()
        if self._collector is not None:
            self.metrics, self.match_records = self._collector.evaluate()
            self.validated_step = self.trainer.global_step
            self.log_dict(self.metrics.flat(), sync_dist=False)

    def configure_optimizers(self) -> Any:
        """AdamW, and the one-cycle schedule stepped with the optimizer."""
        settings = self._optimization
        optimizer = torch.optim.AdamW(
            self.mdl.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        if settings.schedule_steps is None:
            return optimizer
        schedule = OneCycleLR(
            optimizer,
            max_lr=settings.learning_rate,
            total_steps=settings.schedule_steps,
            pct_start=settings.pct_start,
            div_factor=settings.div_factor,
            # RVT counts the final rate from the highest, torch from the initial rate.
            final_div_factor=settings.final_div_factor / settings.div_factor,
            anneal_strategy="linear",
            cycle_momentum=False,
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what the data order and the recurrence need: every rank's row states and random states."""
        rows_by_rank = all_gather(self._training_rows.state_dict())
        checkpoint["recurrent_rows"] = {row: state for rows in rows_by_rank for row, state in rows.items()}
        checkpoint["random_states"] = all_gather(random_states())
        checkpoint["micro_batches_per_step"] = self.trainer.accumulate_grad_batches

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what training restores once it is about to go on, and count in the micro-batches of this run."""
        if self._trainer is not None and "micro_batches_per_step" in checkpoint:
            progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
            _recount(progress, checkpoint["micro_batches_per_step"], self.trainer.accumulate_grad_batches)
        self._restored = {key: checkpoint[key] for key in ("recurrent_rows", "random_states") if key in checkpoint}

    def on_train_start(self) -> None:
        """Restore row states and random states last, after everything that draws numbers in between."""
        if self._restored:
            self._training_rows.load_state_dict(self._restored["recurrent_rows"], self.device)
            by_rank = self._restored["random_states"]
            if self.global_rank < len(by_rank):
                restore_random_states(by_rank[self.global_rank])
            self._restored = None

    def _labelled_features(self, batch: Batch, rows: RecurrentRows) -> Features:
        """Run the backbone over the whole window and keep the features of labelled frames, in the labels' order."""
        state = reset_state(rows.gather(batch.rows), batch.reset)
        features, state = self.mdl.backbone(batch.dense_events(), state)
        rows.scatter(batch.rows, state, [key.source != "random" for key in batch.keys])
        return {stage: feature[batch.label_time, batch.label_row] for stage, feature in features.items()}


def _recount(progress: dict[str, Any], micro_batches_then: int, micro_batches_now: int) -> None:
    """Recount Lightning's progress where a step consists of another number of micro-batches than before.

    Accumulation and the validation interval count from it: a step must begin with its first micro-batch.

    Args:
        progress: Lightning's counts of micro-batches, changed in place.
        micro_batches_then: Micro-batches a step when the checkpoint was written.
        micro_batches_now: Micro-batches a step now.
    """
    for counts in (progress["total"], progress["current"]):
        ready_then = counts["ready"]
        ready_now = ready_then // micro_batches_then * micro_batches_now
        for state, count in counts.items():
            counts[state] = ready_now - (ready_then - count)
