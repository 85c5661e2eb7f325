"""Drawing objects, measuring them, and comparing images."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from trainable.data.simulation.kernels import (
    DARK_INTENSITY,
    EVENT_DTYPE,
    paint,
    pose_scene,
    render_steps,
    visible_shares,
)
from trainable.data.simulation.shapes import PART_DTYPE, PartKind

HEIGHT, WIDTH = 24, 40


def parts_of(*rows: tuple[float, ...]) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """One object a row: kind, ax, ay, bx, by, radius, brightness."""
    parts = np.zeros(len(rows), PART_DTYPE)
    for part, row in zip(parts, rows, strict=True):
        for name, value in zip(("kind", "ax", "ay", "bx", "by", "radius", "brightness"), row, strict=True):
            part[name] = value
    return parts, np.arange(len(rows) + 1)


def box_part(width: float, height: float, brightness: float) -> tuple[float, ...]:
    return (PartKind.BOX, 0, height / 2, width / 2, height / 2, 0, brightness)


def state(x: float, y: float, scale: float = 1.0, travelled: float = 0.0) -> list[float]:
    return [x, y, scale, travelled]


def drawn(part: tuple[float, ...], at: list[float]) -> NDArray[np.float32]:
    canvas = np.zeros((HEIGHT, WIDTH), np.float32)
    parts, starts = parts_of(part)
    posed, _ = pose_scene(parts, starts, np.array([at]))
    paint(canvas, np.ones_like(canvas), posed, 0, 1)
    return canvas


def events_between(
    background: float, brightness: float, x: NDArray[np.float64], *, threshold: float = 0.2
) -> tuple[NDArray[np.void], NDArray[np.float32], NDArray[np.float32]]:
    """Events of a bright or dark box that stands at `x[i]` at time `i` ms; also levels before and reference after."""
    image = np.full((HEIGHT, WIDTH), background, np.float32)
    level = np.log(image + np.float32(DARK_INTENSITY))
    reference = level.copy()
    thresholds = np.full((2, HEIGHT, WIDTH), threshold, np.float32)
    parts, starts = parts_of(box_part(8, 10, brightness))
    states = np.array([[state(each, 20.0)] for each in x])
    pixels = (image.copy(), level.copy(), reference, thresholds)
    t_us = 1000.0 * np.arange(len(x) + 1)
    boxes = np.zeros((1, 4), np.int64)
    buffer = np.empty(4, EVENT_DTYPE)
    events = render_steps(parts, starts, states, t_us, image, np.ones_like(image), pixels, boxes, buffer)
    return events, level, reference


@settings(deadline=None)
@given(x=st.floats(12, 28), y=st.floats(16, 22))
def test_what_an_object_covers_does_not_depend_on_where_it_stands_between_pixels(x: float, y: float) -> None:
    assert drawn(box_part(8, 10, 1.0), state(x, y)).sum() == pytest.approx(80, rel=0.02)


def test_an_edge_moves_smoothly_from_pixel_to_pixel() -> None:
    column = np.array([drawn(box_part(8, 10, 1.0), state(20 + shift, 20))[15, 24] for shift in np.linspace(0, 1, 11)])
    assert np.all(np.diff(column) > 0.05)
    assert np.all(np.diff(column) < 0.11)


@pytest.mark.parametrize(
    ("part", "area"),
    [
        ((PartKind.CAPSULE, 0, 5, 0, 5, 4, 1.0), math.pi * 16),
        ((PartKind.CAPSULE, -5, 5, 5, 5, 3, 1.0), math.pi * 9 + 60),
        ((PartKind.RING, 0, 6, 5, 0, 1, 1.0), 2 * math.pi * 5 * 2),
        ((PartKind.BOX, 0, 5, 6, 4, 4, 1.0), 12 * 8 - (4 - math.pi) * 16),
    ],
)
def test_parts_cover_the_area_of_their_shape(part: tuple[float, ...], area: float) -> None:
    assert drawn(part, state(20, 20)).sum() == pytest.approx(area, rel=0.03)


def test_a_leg_swings_and_a_wheel_turns_with_the_distance_travelled() -> None:
    parts, starts = parts_of((PartKind.CAPSULE, 0, 10, 0, 0, 1, 1.0))
    parts["swing"], parts["swing_rate"] = 0.5, math.pi / 2
    lean = [pose_scene(parts, starts, np.array([state(20, 20, 1, d)]))[0][0, 3] - 20 for d in (0.0, 1.0, 2.0, 3.0)]
    assert lean == pytest.approx([0, 10 * math.sin(0.5), 0, -10 * math.sin(0.5)], abs=1e-9)
    parts["swing"], parts["spin"] = 0.0, math.pi / 2
    posed = pose_scene(parts, starts, np.array([state(20, 20, 1, 1.0)]))[0]
    assert posed[0, 3:5] == pytest.approx([30, 10])


def test_extents_are_tight_around_the_solid_parts_only() -> None:
    glow = (PartKind.GLOW, 8, 5, 0, 0, 3, 2.0)
    parts, _ = parts_of(box_part(8, 10, 1.0), glow)
    _, extents = pose_scene(parts, np.array([0, 2]), np.array([state(20, 22, 1.5)]))
    assert extents[0, :4] == pytest.approx([14, 7, 26, 22])
    assert extents[0, 6] > 32


def test_an_object_out_of_sight_has_no_extent() -> None:
    parts, starts = parts_of(box_part(8, 10, 1.0))
    _, extents = pose_scene(parts, starts, np.array([state(0, 0, 0)]))
    assert extents[0, 0] > extents[0, 2]
    assert visible_shares(*pose_and(parts, starts, [state(0, 0, 0)]))[0] == 0


def pose_and(parts: NDArray[np.void], starts: NDArray[np.int64], states: list[list[float]]) -> tuple[object, ...]:
    posed, extents = pose_scene(parts, starts, np.array(states))
    return posed, starts, extents, HEIGHT, WIDTH


@pytest.mark.parametrize(("x", "share"), [(20, 1.0), (0, 0.5), (38, 0.75), (-20, 0.0)])
def test_an_object_is_visible_as_far_as_it_is_in_the_frame(x: float, share: float) -> None:
    parts, starts = parts_of(box_part(8, 10, 1.0))
    assert visible_shares(*pose_and(parts, starts, [state(x, 20)]))[0] == pytest.approx(share, abs=0.05)


def test_only_a_nearer_object_hides_another() -> None:
    parts, starts = parts_of(box_part(8, 10, 1.0), box_part(8, 10, 0.1))
    shares = visible_shares(*pose_and(parts, starts, [state(20, 20), state(22, 20)]))
    assert shares == pytest.approx([0.25, 1.0], abs=0.05)


@settings(deadline=None)
@given(
    background=st.floats(0.05, 0.9),
    brightness=st.floats(0.05, 0.9),
    threshold=st.floats(0.1, 0.5),
    steps=st.lists(st.floats(-3, 3), min_size=1, max_size=5),
)
def test_events_add_up_to_the_change_of_log_intensity(
    background: float, brightness: float, threshold: float, steps: list[float]
) -> None:
    x = 20 + np.cumsum([0.0, *steps])
    events, before, reference = events_between(background, brightness, x, threshold=threshold)
    signed = np.zeros((HEIGHT, WIDTH))
    np.add.at(signed, (events["y"], events["x"]), np.where(events["p"] == 1, 1, -1))
    np.testing.assert_allclose(reference - before, signed * np.float32(threshold), atol=1e-4)
    after = np.log(drawn_over(background, brightness, x[-1]) + DARK_INTENSITY)
    assert np.all(np.abs(after - reference) < threshold + 1e-4)


def drawn_over(background: float, brightness: float, x: float) -> NDArray[np.float32]:
    canvas = np.full((HEIGHT, WIDTH), background, np.float32)
    parts, starts = parts_of(box_part(8, 10, brightness))
    posed, _ = pose_scene(parts, starts, np.array([state(x, 20.0)]))
    paint(canvas, np.ones_like(canvas), posed, 0, 1)
    return canvas


def test_an_object_that_stands_still_makes_no_events() -> None:
    events, _, _ = events_between(0.3, 0.9, np.full(6, 20.0))
    assert np.all(events["t"] < 1000)


def test_times_lie_within_the_step_that_made_the_event() -> None:
    events, _, _ = events_between(0.3, 0.9, np.array([15.0, 18.0, 21.0]))
    assert events["t"].min() >= 0
    assert events["t"].max() < 3000
    step = events["t"] // 1000
    assert np.all(np.diff(step) >= 0)
    assert len(np.unique(events["t"])) > 20


def test_the_leading_edge_of_a_bright_object_is_brighter_and_the_trailing_one_darker() -> None:
    events, _, _ = events_between(0.3, 0.9, np.array([15.0, 18.0]))
    moving = events[events["t"] >= 1000]
    assert np.all(moving["x"][moving["p"] == 1] >= 18)
    assert np.all(moving["x"][moving["p"] == 0] <= 15)
    assert len(np.unique(moving["p"])) == 2


def test_a_full_buffer_grows_without_losing_events() -> None:
    events, _, _ = events_between(0.05, 0.9, np.array([15.0, 18.0, 21.0]), threshold=0.1)
    assert len(events) > 1000
