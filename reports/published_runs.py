"""The published runs that size-aware losses for event cameras started from, as they were reported."""

from collections.abc import Mapping
from dataclasses import dataclass

SOURCE = (
    "RVT with size-aware losses on eTraM: 8 classes, half resolution, the dataset sample etram_cls8_sample; one seed "
    "each"
)
"""Where the figures are from."""

PROTOCOL: Mapping[str, str] = {
    "AP": "prophesee/AP_class_agnostic",
    "AP50": "prophesee/AP50_class_agnostic",
    "AP75": "prophesee/AP75_class_agnostic",
    "AP_S": "prophesee/AP_class_agnostic_S",
    "AP_M": "prophesee/AP_class_agnostic_M",
    "AP_L": "prophesee/AP_class_agnostic_L",
}
"""Each published column's name among a run's metrics: all boxes as one class, after Prophesee's box filter."""

SMALL_PX2, MEDIUM_PX2 = 1024, 9216
"""Up to where boxes count as small and as medium there, in model-input px²; on the sensor four times as much."""


@dataclass(frozen=True)
class PublishedRun:
    """A run of others.

    Attributes:
        name: As it was published; the end is its number of training steps.
        settings: What is known of its settings.
        figures: Column to value, as a share.
    """

    name: str
    settings: str
    figures: Mapping[str, float]


def _run(name: str, settings: str, *percents: float) -> PublishedRun:
    return PublishedRun(
        name, settings, {key: round(value / 100, 4) for key, value in zip(PROTOCOL, percents, strict=True)}
    )


PUBLISHED_RUNS = (
    _run("3scale_baseline_100k", "batch 6", 34.02, 67.03, 30.79, 17.28, 34.03, 56.94),
    _run("3scale_sizeaware_100k", "batch 6", 34.08, 65.49, 32.20, 13.53, 34.99, 56.77),
    _run("4scale_sizeaware_100k", "batch 6, weight 2.5", 32.23, 64.87, 28.62, 12.75, 33.66, 53.42),
    _run("4scale_enhanced_100k", "", 30.93, 62.34, 27.30, 14.83, 30.97, 52.68),
    _run("patch2_4scale_sizeaware_200k", "batch 2", 31.24, 64.72, 25.99, 14.92, 32.19, 47.52),
)
