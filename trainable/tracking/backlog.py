"""What a journal says and a tracking server does not have yet."""

from typing import NamedTuple

from trainable.tracking.entries import (
    ArtifactEntry,
    Entry,
    HeaderEntry,
    MetricsEntry,
    ParametersEntry,
    ResumeEntry,
    StatusEntry,
    TagsEntry,
)


class Point(NamedTuple):
    """One value of a metric at one step."""

    value: float
    time_ms: int


class Tag(NamedTuple):
    """A tag's value and when it was set."""

    value: str
    time_ms: int


class Backlog:
    """Journal entries reduced to what is still to be sent.

    A metric has one value at a step. A step that was run again after a resume replaces what the first attempt left
    unsent, and a resume drops unsent points after its checkpoint: the points that arrive belong to the steps that led
    to the final weights, save those which a server already held, since MLflow cannot take a point back.

    Attributes:
        points: metric name to step to the point to send.
        undefined: metric values skipped so far because they were undefined.
        parameters: name to text.
        tags: name to tag.
        artifacts: files by their path on the server (the newest entry for a path).
        status: the newest state, None once it is sent.
        latest_ms: time of the newest entry.
    """

    def __init__(self) -> None:
        self.points: dict[str, dict[int, Point]] = {}
        self.undefined = 0
        self.parameters: dict[str, str] = {}
        self.tags: dict[str, Tag] = {}
        self.artifacts: dict[str, ArtifactEntry] = {}
        self.status: StatusEntry | None = None
        self.latest_ms = 0

    def absorb(self, entry: Entry) -> None:
        """Take in the journal's next entry."""
        self.latest_ms = max(self.latest_ms, entry.time_ms)
        match entry:
            case MetricsEntry():
                for name, value in entry.values.items():
                    if value is None:
                        self.undefined += 1
                    else:
                        self.points.setdefault(name, {})[entry.step] = Point(value, entry.time_ms)
            case ResumeEntry():
                self.points = {
                    name: {step: point for step, point in by_step.items() if step <= entry.step}
                    for name, by_step in self.points.items()
                }
            case ParametersEntry():
                self.parameters.update(entry.values)
            case TagsEntry():
                self.tags.update({name: Tag(value, entry.time_ms) for name, value in entry.values.items()})
            case ArtifactEntry():
                file_name = entry.path.rpartition("/")[2]
                self.artifacts[f"{entry.artifact_path}/{file_name}".lstrip("/")] = entry
            case StatusEntry():
                self.status = entry
            case HeaderEntry():
                pass

    def is_empty(self) -> bool:
        """Whether everything has been sent."""
        return not (any(self.points.values()) or self.parameters or self.tags or self.artifacts or self.status)
