"""The parts of the configuration about a run: schedule, batch, hardware, logging and tracking."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, FiniteFloat, model_validator

from trainable.config.base import NonNegative, NonNegativeFloat, Positive, PositiveFloat, Section

Precision = Literal[16, 32, "16", "32", "bf16", "16-mixed", "bf16-mixed", "32-true"]


class Reproduce(Section):
    """Random seed and determinism."""

    seed_everything: NonNegative | None
    """`null`: a seed is drawn and recorded."""
    deterministic_flag: bool
    benchmark: bool


class LrScheduler(Section):
    """One-cycle schedule of the learning rate."""

    use: bool
    total_steps: Positive | None
    """Length of the cycle in optimizer steps; `null`: `training.max_steps`. Never shortened to a rung."""
    pct_start: Annotated[FiniteFloat, Field(gt=0, lt=1)]
    div_factor: PositiveFloat
    """Initial rate = `learning_rate / div_factor`."""
    final_div_factor: PositiveFloat
    """Final rate = `learning_rate / final_div_factor`, as in RVT (torch counts from the initial rate)."""


class Training(Section):
    """The optimization."""

    precision: Precision
    max_steps: Positive
    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat
    gradient_clip_val: NonNegativeFloat
    lr_scheduler: LrScheduler

    @model_validator(mode="after")
    def _cycle_covers_training(self) -> "Training":
        total = self.lr_scheduler.total_steps
        if self.lr_scheduler.use and total is not None and total < self.max_steps:
            raise ValueError(f"lr_scheduler.total_steps must not be below max_steps={self.max_steps}, got {total}")
        return self


def _yaml(value: int | None) -> str:
    return "null" if value is None else str(value)


def _check_batch_limit(value: int | float) -> int | float:
    if value <= 0 or (isinstance(value, float) and value > 1):
        raise ValueError(
            f"expected a number of batches such as 20, or a share of them in (0, 1] such as 0.5, got {value}"
        )
    return value


class Validation(Section):
    """When validation runs, and on how much: one of the two intervals is set, the other one is `null`."""

    val_check_interval: Positive | None
    """Optimizer steps between validations."""
    check_val_every_n_epoch: Positive | None
    """Passes over the training split between validations."""
    limit_val_batches: Annotated[int | FiniteFloat, AfterValidator(_check_batch_limit)]
    """A number of batches as an integer, or a share of them as a number with a point: `1.0` is all of them."""

    @model_validator(mode="after")
    def _one_interval(self) -> "Validation":
        steps, passes = self.val_check_interval, self.check_val_every_n_epoch
        if (steps is None) == (passes is None):
            raise ValueError(
                "exactly one of val_check_interval (optimizer steps) and check_val_every_n_epoch (passes over the "
                f"training split) must be set and the other one be null, got {_yaml(steps)} and {_yaml(passes)}"
            )
        return self


class BatchSize(Section):
    """Rows of a batch."""

    train: Positive
    """Rows of one optimizer step, over all GPUs: the effective batch size."""
    eval: Positive
    micro: Positive | None
    """Rows that one GPU holds at once; `null`: all of its share. Smaller means gradient accumulation."""

    @model_validator(mode="after")
    def _micro_divides(self) -> "BatchSize":
        if self.micro is not None and self.train % self.micro:
            raise ValueError(f"micro must divide train={self.train} without remainder, got {self.micro}")
        return self


class NumWorkers(Section):
    """Data loading processes."""

    train: NonNegative
    eval: NonNegative


class Hardware(Section):
    """Where the run computes."""

    num_workers: NumWorkers
    gpus: NonNegative | Annotated[tuple[NonNegative, ...], Field(min_length=1)] | None
    """A GPU's index, a list of indices, or `null` for the CPU."""
    dist_backend: Literal["nccl", "gloo"]


class TrainLogging(Section):
    """How often the run reports and saves."""

    log_every_n_steps: Positive
    log_model_every_n_steps: Positive
    """Optimizer steps between checkpoints, besides those after each validation."""


class ValidationLogging(Section):
    """What a validation leaves besides its metrics."""

    event_images: NonNegative
    """How many fixed moments of the validation split are drawn with labels and detections; 0: none."""
    compared_moments: Annotated[int, Field(ge=0, le=128)] = 0
    """How many fixed moments of the validation split are kept with events, labels and detections, so that reports can
    compare runs on them; 0: none, as in configurations that were recorded before there was this key."""


class Logging(Section):
    """What the run reports while it trains."""

    train: TrainLogging
    validation: ValidationLogging


class Wandb(Section):
    """RVT's names: they name the MLflow experiment and the group tag."""

    project_name: str
    group_name: str | None


class Tracking(Section):
    """Where the run's journal is published."""

    enabled: bool
    uri: str | None
    """An MLflow tracking URI; `null`: an SQLite file beside the runs."""
    run_name: str | None
    log_best_checkpoint: bool
    """Whether the checkpoint with the highest AP becomes an artifact of the run when it ends."""
