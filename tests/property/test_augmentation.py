import numpy as np
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainable.data.augment_events import augment_frames, moved_cells
from trainable.data.augmentation import Augmentation, Window, augment_boxes

SIZES = st.tuples(st.integers(8, 60), st.integers(8, 60))
ANGLES = st.one_of(st.just(0.0), st.floats(-20, 20))


@st.composite
def frames_and_augmentations(
    draw: st.DrawFn, angles: st.SearchStrategy[float] = ANGLES
) -> tuple[int, int, Augmentation]:
    height, width = draw(SIZES)
    factor = draw(st.floats(1, 2))
    window_height, window_width = int(height / factor), int(width / factor)
    window = Window(
        draw(st.integers(0, width - window_width)),
        draw(st.integers(0, height - window_height)),
        window_width,
        window_height,
    )
    kind = draw(st.sampled_from(["none", "in", "out"]))
    return (
        height,
        width,
        Augmentation(
            draw(st.booleans()),
            draw(angles),
            zoom_in=window if kind == "in" else None,
            zoom_out=window if kind == "out" else None,
        ),
    )


@st.composite
def whole_pixel_box(draw: st.DrawFn, height: int, width: int) -> tuple[int, int, int, int]:
    left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return left, top, draw(st.integers(left + 1, width)), draw(st.integers(top + 1, height))


def augmented(frames: Tensor, augmentation: Augmentation) -> Tensor:
    out = torch.zeros_like(frames)
    augment_frames(frames, augmentation, out)
    return out


def painted(height: int, width: int, box: tuple[int, int, int, int]) -> Tensor:
    left, top, right, bottom = box
    frames = torch.zeros((1, 1, height, width), dtype=torch.uint8)
    frames[..., top:bottom, left:right] = 1
    return frames


def bounds(frames: Tensor) -> list[int]:
    rows, columns = frames[0, 0].nonzero(as_tuple=True)
    return [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]


@given(st.data(), frames_and_augmentations(angles=st.just(0.0)))
@settings(max_examples=80, deadline=None)
def test_a_box_painted_as_events_is_flipped_and_zoomed_as_the_box_is(
    data: st.DataObject, drawn: tuple[int, int, Augmentation]
) -> None:
    height, width, augmentation = drawn
    box = data.draw(whole_pixel_box(height, width))
    events = augmented(painted(height, width, box), augmentation)

    moved, in_view = augment_boxes(np.array([box], dtype=np.float64), augmentation, height=height, width=width)

    if not events.any():
        sides = moved[0, 2:] - moved[0, :2]
        assert not in_view[0] or sides.min() < 1
        return
    assert in_view[0]
    # An edge lies half a pixel from the centre of the last pixel that is inside, and pixel centres are one pixel apart.
    np.testing.assert_allclose(moved[0], bounds(events), atol=0.5 + 1e-5)


@given(st.data(), SIZES, st.booleans(), st.floats(-20, 20))
@settings(max_examples=80, deadline=None)
def test_a_box_painted_as_events_is_turned_as_the_box_is(
    data: st.DataObject, size: tuple[int, int], flip: bool, angle_deg: float
) -> None:
    height, width = size
    augmentation = Augmentation(flip, angle_deg)
    box = data.draw(whole_pixel_box(height, width))
    moved, _ = augment_boxes(np.array([box], dtype=np.float64), augmentation, height=height, width=width)
    assume((moved[0, :2] > 0).all() and (moved[0, 2:] < (width, height)).all())  # wholly in view, so not clipped

    events = augmented(painted(height, width, box), augmentation)

    assume(events.any())
    # A corner may reach between pixel centres: at most one pixel's diagonal.
    np.testing.assert_allclose(moved[0], bounds(events), atol=1.5)


@given(st.data(), frames_and_augmentations())
@settings(max_examples=40, deadline=None)
def test_no_box_leaves_the_frame(data: st.DataObject, drawn: tuple[int, int, Augmentation]) -> None:
    height, width, augmentation = drawn
    corner = st.tuples(st.floats(-20, width + 20), st.floats(-20, height + 20))
    corners = data.draw(st.lists(st.tuples(corner, corner), max_size=8))
    boxes = np.array(corners, dtype=np.float64).reshape(-1, 2, 2)
    boxes = np.concatenate([boxes.min(axis=1), boxes.max(axis=1)], axis=1)

    moved, in_view = augment_boxes(boxes, augmentation, height=height, width=width)

    kept = moved[in_view]
    assert (kept[:, :2] >= 0).all()
    assert (kept[:, 2:] <= (width, height)).all()
    assert (kept[:, 2:] > kept[:, :2]).all()


@given(st.data(), SIZES)
@settings(max_examples=40, deadline=None)
def test_flipping_twice_is_identity(data: st.DataObject, size: tuple[int, int]) -> None:
    height, width = size
    flip = Augmentation(flip=True)
    seed = data.draw(st.integers(0, 2**32))
    frames = torch.randint(0, 256, (2, 3, height, width), dtype=torch.uint8, generator=torch.manual_seed(seed))
    box = np.array([data.draw(whole_pixel_box(height, width))], dtype=np.float64)

    assert torch.equal(augmented(augmented(frames, flip), flip), frames)
    once, _ = augment_boxes(box, flip, height=height, width=width)
    twice, in_view = augment_boxes(once, flip, height=height, width=width)
    np.testing.assert_array_equal(twice, box)
    assert in_view.all()


@given(frames_and_augmentations(angles=st.just(0.0)))
@settings(max_examples=40, deadline=None)
def test_a_box_that_holds_the_view_fills_it(drawn: tuple[int, int, Augmentation]) -> None:
    height, width, augmentation = drawn
    whole = np.array([[0, 0, width, height]], dtype=np.float64)
    frames = torch.ones((1, 1, height, width), dtype=torch.uint8)

    moved, _ = augment_boxes(whole, augmentation, height=height, width=width)
    left, top, right, bottom = moved[0].round().astype(int)

    expected = torch.zeros_like(frames)
    expected[..., top:bottom, left:right] = 1
    np.testing.assert_allclose(moved[0], [left, top, right, bottom], atol=1e-9)
    assert torch.equal(augmented(frames, augmentation), expected)


@given(frames_and_augmentations(), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_composed_lookups_equal_one_step_after_the_other(drawn: tuple[int, int, Augmentation], seed: int) -> None:
    height, width, augmentation = drawn
    assume(augmentation.angle_deg != 0)
    frames = torch.randint(0, 256, (1, 2, height, width), dtype=torch.uint8, generator=torch.manual_seed(seed))

    stepwise = augmented(frames, Augmentation(flip=augmentation.flip))
    stepwise = augmented(stepwise, Augmentation(angle_deg=augmentation.angle_deg))
    stepwise = augmented(stepwise, Augmentation(zoom_in=augmentation.zoom_in, zoom_out=augmentation.zoom_out))

    assert torch.equal(augmented(frames, augmentation), stepwise)


@given(frames_and_augmentations(angles=st.just(0.0)), st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_cells_move_as_whole_frames_do(drawn: tuple[int, int, Augmentation], seed: int) -> None:
    height, width, augmentation = drawn
    frames = torch.randint(0, 256, (1, 2, height, width), dtype=torch.uint8, generator=torch.manual_seed(seed))

    scattered = torch.zeros(frames.numel(), dtype=torch.uint8)
    written = torch.zeros(frames.numel(), dtype=torch.int64)
    indices = torch.arange(frames.numel(), dtype=torch.int32)
    for target, lands in moved_cells(indices, augmentation, (2, height, width)):
        scattered[target[lands]] = frames.flatten()[lands]
        written[target[lands]] += 1

    assert torch.equal(scattered.view_as(frames), augmented(frames, augmentation))
    assert written.max() == 1
