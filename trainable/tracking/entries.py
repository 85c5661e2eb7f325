"""The lines of a run's journal: what one line may hold, and how it is written and read as JSON."""

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

RunStatus = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]
"""MLflow's run states: FAILED ended by an error, KILLED stopped on purpose before its end."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True)

    time_ms: int
    """Wall-clock time of the event in milliseconds since 1970."""


class HeaderEntry(_Entry):
    """The first line: who the run is, wherever its journal travels, and where it is published by default."""

    type: Literal["header"] = "header"
    version: Literal[1] = 1
    run_id: str
    """Identity of the run on every tracking server; stored there as the tag `evsweep.run_id`."""
    experiment: str
    run_name: str | None = None
    parent_run_id: str | None = None
    """`run_id` of the journal of the run that this one is nested under."""
    uri: str | None = None
    """Tracking server without credentials, or None for a run that is only journaled."""
    tags: dict[str, str] = Field(default_factory=dict)


class ParametersEntry(_Entry):
    """Parameters, flattened to dotted names."""

    type: Literal["parameters"] = "parameters"
    values: dict[str, str]


class MetricsEntry(_Entry):
    """Metrics at one training step; None is a value that is undefined or not finite."""

    type: Literal["metrics"] = "metrics"
    step: int
    values: dict[str, float | None]


class TagsEntry(_Entry):
    """Tags; a later value replaces an earlier one."""

    type: Literal["tags"] = "tags"
    values: dict[str, str]


class ArtifactEntry(_Entry):
    """A file to upload; `path` is relative to the run's folder where the file lies inside it."""

    type: Literal["artifact"] = "artifact"
    path: str
    artifact_path: str = ""


class StatusEntry(_Entry):
    """The run's state from here on."""

    type: Literal["status"] = "status"
    status: RunStatus
    reason: str = ""


class ResumeEntry(_Entry):
    """The run went back to a checkpoint: what was journaled after `step` belongs to an abandoned continuation."""

    type: Literal["resume"] = "resume"
    step: int
    uri: str | None = None


Entry = HeaderEntry | ParametersEntry | MetricsEntry | TagsEntry | ArtifactEntry | StatusEntry | ResumeEntry

_adapter: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="type")])


def encode_entry(entry: Entry) -> bytes:
    """One journal line, newline included."""
    return entry.model_dump_json().encode() + b"\n"


def decode_entry(line: bytes) -> Entry | None:
    """The entry on a line, or None for a line that is torn, damaged or of an unknown kind."""
    try:
        return _adapter.validate_json(line)
    except ValidationError:
        return None


def journaled_status(entries: Iterable[Entry], before: RunStatus = "RUNNING") -> RunStatus:
    """The state in which entries leave a run that was in the state `before`; one that begins or resumes is RUNNING."""
    status = before
    for entry in entries:
        if isinstance(entry, StatusEntry):
            status = entry.status
        elif isinstance(entry, ResumeEntry):
            status = "RUNNING"
    return status


def finite_or_none(values: Mapping[str, float]) -> dict[str, float | None]:
    """Metric values as JSON can hold them: NaN and both infinities become None."""
    return {name: float(value) if math.isfinite(value) else None for name, value in values.items()}
