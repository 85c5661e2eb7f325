from hypothesis import given
from hypothesis import strategies as st

from trainable.tracking.backlog import Backlog, Point
from trainable.tracking.entries import ArtifactEntry, MetricsEntry, ResumeEntry, StatusEntry, TagsEntry


def metrics(step: int, value: float | None, time_ms: int = 0) -> MetricsEntry:
    return MetricsEntry(time_ms=time_ms, step=step, values={"loss": value})


def test_a_repeated_step_keeps_its_newest_value() -> None:
    backlog = Backlog()
    backlog.absorb(metrics(1, 0.5, time_ms=10))
    backlog.absorb(metrics(1, 0.25, time_ms=20))
    assert backlog.points == {"loss": {1: Point(0.25, 20)}}


def test_a_resume_drops_what_the_abandoned_steps_left_unsent() -> None:
    backlog = Backlog()
    for step in range(1, 11):
        backlog.absorb(metrics(step, float(step)))
    backlog.absorb(ResumeEntry(time_ms=0, step=4))
    backlog.absorb(metrics(6, 60.0))
    assert backlog.points["loss"].keys() == {1, 2, 3, 4, 6}


def test_an_undefined_value_is_counted_and_not_sent() -> None:
    backlog = Backlog()
    backlog.absorb(metrics(1, None))
    assert backlog.undefined == 1
    assert backlog.is_empty()


def test_the_newest_tag_status_and_artifact_of_a_name_win() -> None:
    backlog = Backlog()
    for time_ms, word in enumerate(("a", "b")):
        backlog.absorb(TagsEntry(time_ms=time_ms, values={"group": word}))
        backlog.absorb(ArtifactEntry(time_ms=time_ms, path=f"{word}/metrics.json", artifact_path="out"))
    backlog.absorb(StatusEntry(time_ms=1, status="FAILED"))
    backlog.absorb(StatusEntry(time_ms=2, status="RUNNING"))
    assert backlog.tags["group"].value == "b"
    assert {target: entry.path for target, entry in backlog.artifacts.items()} == {"out/metrics.json": "b/metrics.json"}
    assert backlog.status is not None
    assert backlog.status.status == "RUNNING"


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=60))
def test_what_is_left_is_the_last_continuation_whatever_was_resumed(actions: list[tuple[bool, int]]) -> None:
    backlog, step, curve = Backlog(), 0, dict[int, float]()
    for moment, (resume, target) in enumerate(actions):
        if resume:
            step = min(step, target)
            backlog.absorb(ResumeEntry(time_ms=moment, step=step))
            curve = {known: value for known, value in curve.items() if known <= step}
        else:
            step += 1
            backlog.absorb(metrics(step, float(moment)))
            curve[step] = float(moment)
    assert {known: point.value for known, point in backlog.points.get("loss", {}).items()} == curve
