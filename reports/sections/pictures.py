"""Pictures: the same moments with what the baseline and the best configuration found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from reports.document.blocks import Block, Column, Paragraph, Picture, PictureRow, Section, Table
from reports.evidence import Evidence
from reports.moment_findings import (
    LEAST_IOU,
    LEAST_SCORE,
    ComparedMoment,
    Findings,
    compared_moments,
    largest_differences,
)
from reports.moment_pictures import LEGEND, frame_picture, object_picture
from reports.run_files import Missing, read_config, read_match_records, read_moments
from reports.runs import Run
from reports.wording import counted
from trainable.moment_file import MomentFile

_MOST_MOMENTS = 3
_MOST_OBJECTS = 2


@dataclass(frozen=True)
class Shown:
    """One of two configurations to be seen beside each other.

    Attributes:
        name: For the reader.
        runs: Its runs, one a seed.
    """

    name: str
    runs: Sequence[Run]


@dataclass(frozen=True, eq=False)
class _Seen:
    name: str
    run: Run
    file: MomentFile


def section(evidence: Evidence) -> Section:
    """The baseline and the best configuration on the same moments.

    Args:
        evidence: The sweep's configurations.
    """
    reference, candidate = evidence.baseline, evidence.best
    blocks: list[Block]
    if reference is None or candidate is None:
        which = "baseline" if candidate is not None else "configuration"
        blocks = [_warning(f"No {which} has trained to the full budget, so that there is nothing to see side by side.")]
    elif reference is candidate:
        blocks = [_warning("No configuration but the baseline has trained to the full budget yet.")]
    else:
        blocks = picture_blocks(Shown(reference.name, reference.judged), Shown(candidate.name, candidate.judged))
    return Section("pictures", "Pictures", blocks)


def picture_blocks(reference: Shown, candidate: Shown, *, prefix: str = "") -> list[Block]:
    """Where the candidate gains and loses most against the reference, in pictures; or why there are none.

    Args:
        reference: What is drawn on the left.
        candidate: What is drawn on the right.
        prefix: Put before the names of pictures and tables, which are unique in a document.
    """
    seen = _seen(reference, candidate)
    if isinstance(seen, Missing):
        return [_warning(seen.reason)]
    left, right = seen
    small_area_px2 = _small_area_px2(left.run)
    if isinstance(small_area_px2, Missing):
        return [_warning(f"Which objects count as small is not known: {small_area_px2.reason}")]
    compared = compared_moments(left.file, right.file, small_area_px2)
    if not compared:
        return [
            _warning(
                f"No moment was recorded by both {left.name} and {right.name} from the same data and with the same "
                "classes."
            )
        ]
    gains, losses = largest_differences(compared, _MOST_MOMENTS)
    return [
        Paragraph(_introduction(left, right, compared, small_area_px2)),
        Paragraph(LEGEND, "note"),
        *_rows(left, right, gains, "gain", prefix),
        *_rows(left, right, losses, "loss", prefix),
        *([] if gains or losses else _rows(left, right, compared[:1], "equal", prefix)),
        _table(f"{prefix}moments", left, right, compared),
    ]


def _seen(reference: Shown, candidate: Shown) -> tuple[_Seen, _Seen] | Missing:
    """Recorded moments of both, of the same seed where there are such."""
    other_seeds = {run.seed for run in candidate.runs}
    left = _first(reference, sorted(reference.runs, key=lambda run: run.seed not in other_seeds))
    if isinstance(left, Missing):
        return left
    right = _first(candidate, sorted(candidate.runs, key=lambda run: run.seed != left.run.seed))
    return right if isinstance(right, Missing) else (left, right)


def _first(side: Shown, runs: Sequence[Run]) -> _Seen | Missing:
    missing = Missing("it has no run.")
    for run in runs:
        file = read_moments(run)
        if not isinstance(file, Missing):
            return _Seen(side.name, run, file)
        missing = file
    return Missing(f"There are no pictures of {side.name}: {missing.reason}")


def _small_area_px2(run: Run) -> float | Missing:
    """Largest area of a small object, in model-input px²: a matter of the dataset."""
    config = read_config(run)
    if not isinstance(config, Missing):
        return config.dataset.evaluation.small_area_px2
    records = read_match_records(run)
    return config if isinstance(records, Missing) else records.protocol.area_bins[0].upper_px2


def _introduction(left: _Seen, right: _Seen, compared: Sequence[ComparedMoment], small_area_px2: float) -> str:
    better = sum(one.gain > (0, 0) for one in compared)
    worse = sum(one.gain < (0, 0) for one in compared)
    return (
        f"{left.name} and {right.name} on the same {counted(len(compared), 'moment')} of the validation recordings, "
        f"after {left.file.step:,} and {right.file.step:,} steps, seeds {left.run.seed or 'unknown'} and "
        f"{right.run.seed or 'unknown'}. {right.name} does better in {better} of them and worse in {worse}; shown are "
        f"at most {_MOST_MOMENTS} of each, those with the largest difference in small objects found, then in all found "
        f"less false detections. Small: at most {small_area_px2:g} px² of the model's input. Found: a detection of the "
        f"same class with an IoU of at least {LEAST_IOU:g} and a score of at least {LEAST_SCORE:g}. They were chosen "
        "for what they show, and prove nothing."
    )


def _rows(left: _Seen, right: _Seen, moments: Sequence[ComparedMoment], kind: str, prefix: str) -> Iterator[PictureRow]:
    heading = {"gain": "Gain", "loss": "Loss", "equal": "No difference"}[kind]
    for number, compared in enumerate(moments, start=1):
        moment = compared.moment
        title = f"{heading}{'' if kind == 'equal' else f' {number}'}: {compared.name}"
        sides = ((left, compared.reference), (right, compared.candidate))
        yield PictureRow(
            f"{prefix}{kind}_{number}",
            title,
            tuple(
                Picture(
                    f"{side.name}: {findings.summary()}",
                    f"Event frame of {compared.name} with what {side.name} detects: {findings.summary()}.",
                    frame_picture(moment.events, findings, left.file.class_names),
                )
                for side, findings in sides
            ),
        )
        for place, label in enumerate(compared.differing_small_labels()[:_MOST_OBJECTS], start=1):
            yield PictureRow(
                f"{prefix}{kind}_{number}_object_{place}",
                f"{title}, enlarged: {_object(compared, label, left.file.class_names)}",
                tuple(
                    Picture(
                        f"{side.name}: {_outcome(findings, label)}",
                        f"The surroundings of a small object in {compared.name}, enlarged; {side.name}: "
                        f"{_outcome(findings, label)}.",
                        object_picture(moment.events, findings, left.file.class_names, label),
                    )
                    for side, findings in sides
                ),
            )


def _object(compared: ComparedMoment, label: int, class_names: tuple[str, ...]) -> str:
    box = compared.reference.labels[label]
    return f"{class_names[box['class_id']]} of {box['w']:.0f} x {box['h']:.0f} px of the model's input"


def _outcome(findings: Findings, label: int) -> str:
    return "found" if findings.found[label] else "missed"


def _table(name: str, left: _Seen, right: _Seen, compared: Sequence[ComparedMoment]) -> Table:
    rows = [
        {
            "recording": one.moment.sequence,
            "seconds": one.moment.time_us / 1e6,
            "labels": len(one.reference.labels),
            "small_labels": int(one.reference.small.sum()),
            **{
                f"{side}_{name}": value
                for side, found in (("reference", one.reference), ("candidate", one.candidate))
                for name, value in (
                    ("small_found", found.num_small_found),
                    ("found", found.num_found),
                    ("false", found.num_false),
                )
            },
        }
        for one in compared
    ]
    counts = {"small_found": "small ones found", "found": "found", "false": "false detections"}
    return Table(
        name,
        "What was found in each moment",
        pd.DataFrame(rows),
        (
            Column("recording", "Recording"),
            Column("seconds", "Time [s]", digits=2),
            Column("labels", "Labels"),
            Column("small_labels", "Small labels"),
            *(
                Column(f"{key}_{count}", f"{side.name}: {text}")
                for count, text in counts.items()
                for key, side in (("reference", left), ("candidate", right))
            ),
        ),
    )


def _warning(text: str) -> Paragraph:
    return Paragraph(text, "warning")
