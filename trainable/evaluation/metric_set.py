"""All figures with the box filter, or all without: by size, by class, and their means."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trainable.evaluation.accumulate import Curves
from trainable.evaluation.protocol import EvaluationProtocol, Json
from trainable.evaluation.scores import ScoresByArea


class Headlines(ABC):
    """Short names for the figures that are used most; NaN where there is no truth."""

    __slots__ = ()

    @property
    @abstractmethod
    def _headline(self) -> "MetricSet":
        """The set that the figures are taken from."""

    @property
    def AP(self) -> float:  # noqa: N802
        """Average precision, mean over IoU 0.50 to 0.95 and over classes."""
        return self._headline.mean.all.AP

    @property
    def AP50(self) -> float:  # noqa: N802
        """At IoU 0.50."""
        return self._headline.mean.all.AP50

    @property
    def AP75(self) -> float:  # noqa: N802
        """At IoU 0.75."""
        return self._headline.mean.all.AP75

    @property
    def AP_S(self) -> float:  # noqa: N802
        """Of small boxes, by area in model-input pixels."""
        return self._headline.mean.by_area["S"].AP

    @property
    def AP_M(self) -> float:  # noqa: N802
        """Of medium boxes."""
        return self._headline.mean.by_area["M"].AP

    @property
    def AP_L(self) -> float:  # noqa: N802
        """Of large boxes."""
        return self._headline.mean.by_area["L"].AP

    @property
    def AR(self) -> float:  # noqa: N802
        """Average recall at the highest cap on detections."""
        return self._headline.mean.all.AR

    @property
    def AR_S(self) -> float:  # noqa: N802
        """Average recall of small boxes."""
        return self._headline.mean.by_area["S"].AR

    @property
    def AR_M(self) -> float:  # noqa: N802
        """Average recall of medium boxes."""
        return self._headline.mean.by_area["M"].AR

    @property
    def AR_L(self) -> float:  # noqa: N802
        """Average recall of large boxes."""
        return self._headline.mean.by_area["L"].AR

    @property
    def AP_small_classes(self) -> float:  # noqa: N802
        """Mean over `small_object_classes` only."""
        return self._headline.small_classes.all.AP

    @property
    def AP_class_agnostic(self) -> float:  # noqa: N802
        """Without regard to class, over all boxes at once."""
        return self._headline.class_agnostic.all.AP


@dataclass(frozen=True, slots=True)
class MetricSet(Headlines):
    """All figures with the box filter, or all without.

    Attributes:
        mean: Mean over classes that have truths in the bin.
        small_classes: Mean over the protocol's `small_object_classes`.
        class_agnostic: A detection may match a truth of any class (pycocotools' `useCats=0`).
        by_class: Under the class's name.
        frames: Number of frames that count.
        truths_removed: Number of truths that the box filter deleted.
    """

    mean: ScoresByArea
    small_classes: ScoresByArea
    class_agnostic: ScoresByArea
    by_class: Mapping[str, ScoresByArea]
    frames: int
    truths_removed: int

    @classmethod
    def from_curves(
        cls, protocol: EvaluationProtocol, by_class: Curves, class_agnostic: Curves, *, frames: int, truths_removed: int
    ) -> "MetricSet":
        """Average the curves of all classes and of the class-agnostic setting."""
        index = {name: number for number, name in enumerate(protocol.class_names)}
        small = [index[name] for name in protocol.small_object_classes]
        return cls(
            mean=ScoresByArea.mean(protocol, by_class, list(index.values())),
            small_classes=ScoresByArea.mean(protocol, by_class, small),
            class_agnostic=ScoresByArea.mean(protocol, class_agnostic, [0]),
            by_class={name: ScoresByArea.mean(protocol, by_class, [number]) for name, number in index.items()},
            frames=frames,
            truths_removed=truths_removed,
        )

    @property
    def _headline(self) -> "MetricSet":
        return self

    def flat(self) -> dict[str, float]:
        """Metric name to value, for logging; the same names for the same protocol, NaN where undefined."""
        return dict((*self._means(), *self._classes(), *self._counts()))

    def to_json(self) -> dict[str, Json]:
        """A dictionary with `None` for undefined."""
        return {
            "frames": self.frames,
            "truths_removed": self.truths_removed,
            "mean": self.mean.to_json(),
            "small_classes": self.small_classes.to_json(),
            "class_agnostic": self.class_agnostic.to_json(),
            "by_class": {name: scores.to_json() for name, scores in self.by_class.items()},
        }

    def _means(self) -> Iterator[tuple[str, float]]:
        means = {"": self.mean, "_small_classes": self.small_classes, "_class_agnostic": self.class_agnostic}
        for suffix, scores in means.items():
            yield f"AP{suffix}", scores.all.AP
            yield f"AP50{suffix}", scores.all.AP50
            yield f"AP75{suffix}", scores.all.AP75
            yield f"AR{suffix}", scores.all.AR
            for area, in_bin in scores.by_area.items():
                yield f"AP{suffix}_{area}", in_bin.AP
                yield f"AR{suffix}_{area}", in_bin.AR
            for area, in_bin in scores.by_sensor_area.items():
                yield f"AP{suffix}_sensor/{area}", in_bin.AP
        for cap, recall in self.mean.all.AR_by_cap.items():
            yield f"AR_{cap}", recall

    def _classes(self) -> Iterator[tuple[str, float]]:
        for name, scores in self.by_class.items():
            yield f"AP_class/{name}", scores.all.AP
            yield f"AP50_class/{name}", scores.all.AP50
            for area, in_bin in scores.by_area.items():
                yield f"AP_{area}_class/{name}", in_bin.AP

    def _counts(self) -> Iterator[tuple[str, float]]:
        yield "count/frames", self.frames
        yield "count/truths", self.mean.all.truths
        yield "count/truths_removed", self.truths_removed
        for area, in_bin in self.mean.by_area.items():
            yield f"count/truths_{area}", in_bin.truths
        for area, in_bin in self.mean.by_sensor_area.items():
            yield f"count/truths_sensor/{area}", in_bin.truths
        for name, scores in self.by_class.items():
            yield f"count/truths_class/{name}", scores.all.truths
            for area, in_bin in scores.by_area.items():
                yield f"count/truths_{area}_class/{name}", in_bin.truths
