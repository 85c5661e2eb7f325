"""The compiled loops: drawing objects at any sub-pixel position, measuring them, and comparing images.

They share one file because numba's cache on disk notices changes in the file of the outermost function only.
"""

import math
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from trainable.data.simulation.shapes import PartKind

CAPSULE: Final = int(PartKind.CAPSULE)
BOX: Final = int(PartKind.BOX)
RING: Final = int(PartKind.RING)
GLOW: Final = int(PartKind.GLOW)

POSED_FIELDS: Final = 11
"""Of a posed part, in pixels: kind, ax, ay, bx, by, radius, brightness, left, top, right, bottom."""

EDGE_PX: Final = 1.25
"""Width over which an edge goes from covered to free, as a lens blurs it."""

GLOW_REACH: Final = 2.5
"""Standard deviations after which a glow is cut off."""

VISIBILITY_SAMPLES: Final = 1024.0
"""Points of an object's box at which its visibility is tested, about."""

DARK_INTENSITY: Final = 0.02
"""Intensity that a pixel sees in the dark: it bounds the contrast, above all at night."""

EVENT_DTYPE: Final = np.dtype([("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")])
"""One event: microseconds since the start of the recording, column, row, and 1 for brighter or 0 for darker."""


@numba.njit(cache=True, nogil=True)
def pose(
    parts: NDArray[np.void],
    starts: NDArray[np.int64],
    states: NDArray[np.float64],
    posed: NDArray[np.float64],
    extents: NDArray[np.float64],
) -> None:
    """Puts all parts at their places in the image at one time.

    Args:
        parts: `(parts,)` of `PART_DTYPE`.
        starts: `(objects + 1,)`, each object's first part.
        states: `(objects, 4)`, as from `Scene.states`.
        posed: `(parts, POSED_FIELDS)` float64, written.
        extents: `(objects, 8)` float64, written: left, top, right and bottom of what is solid, then of all its light.
            Objects out of sight get an empty box.
    """
    for index in range(len(states)):
        x0, y0, scale, travelled = states[index]
        extents[index, 0:2] = np.inf
        extents[index, 2:4] = -np.inf
        extents[index, 4:6] = np.inf
        extents[index, 6:8] = -np.inf
        if scale <= 0:
            continue
        for i in range(starts[index], starts[index + 1]):
            part = parts[i]
            kind = part["kind"]
            bx, by = part["bx"], part["by"]
            ax, ay = x0 + scale * part["ax"], y0 - scale * part["ay"]
            radius = scale * part["radius"]
            if kind == CAPSULE:
                angle = part["spin"] * travelled + part["swing"] * math.sin(
                    part["swing_rate"] * travelled + part["swing_phase"]
                )
                dx, dy = bx - part["ax"], by - part["ay"]
                cos, sin = math.cos(angle), math.sin(angle)
                bx = x0 + scale * (part["ax"] + cos * dx - sin * dy)
                by = y0 - scale * (part["ay"] + sin * dx + cos * dy)
                left, right = min(ax, bx) - radius, max(ax, bx) + radius
                top, bottom = min(ay, by) - radius, max(ay, by) + radius
            elif kind == BOX:
                bx, by = scale * bx, scale * by
                left, right, top, bottom = ax - bx, ax + bx, ay - by, ay + by
            else:
                bx = scale * bx
                reach = bx + radius if kind == RING else GLOW_REACH * radius
                left, right, top, bottom = ax - reach, ax + reach, ay - reach, ay + reach
            posed[i, 0] = kind
            posed[i, 1], posed[i, 2], posed[i, 3], posed[i, 4] = ax, ay, bx, by
            posed[i, 5], posed[i, 6] = radius, part["brightness"]
            posed[i, 7], posed[i, 8], posed[i, 9], posed[i, 10] = left, top, right, bottom
            for offset in range(4 if kind == GLOW else 0, 8, 4):
                extents[index, offset] = min(extents[index, offset], left)
                extents[index, offset + 1] = min(extents[index, offset + 1], top)
                extents[index, offset + 2] = max(extents[index, offset + 2], right)
                extents[index, offset + 3] = max(extents[index, offset + 3], bottom)


@numba.njit(cache=True, nogil=True)
def signed_distance(part: NDArray[np.float64], x: float, y: float) -> float:
    """Distance in pixels of a point from a posed part's outline, negative inside.

    Source: the exact distances to a segment, a rounded box and a circle (Inigo Quilez, "2D distance functions").
    """
    dx, dy = x - part[1], y - part[2]
    if part[0] == CAPSULE:
        bx, by = part[3] - part[1], part[4] - part[2]
        length2 = bx * bx + by * by
        along = 0.0
        if length2 > 0:
            along = min(1.0, max(0.0, (dx * bx + dy * by) / length2))
        dx, dy = dx - along * bx, dy - along * by
        return float(math.sqrt(dx * dx + dy * dy) - part[5])
    if part[0] == BOX:
        qx, qy = abs(dx) - part[3] + part[5], abs(dy) - part[4] + part[5]
        outside = math.sqrt(max(qx, 0.0) ** 2 + max(qy, 0.0) ** 2)
        return float(outside + min(max(qx, qy), 0.0) - part[5])
    return float(abs(math.sqrt(dx * dx + dy * dy) - part[3]) - part[5])


@numba.njit(cache=True, nogil=True)
def paint(
    canvas: NDArray[np.float32], illumination: NDArray[np.float32], posed: NDArray[np.float64], first: int, last: int
) -> None:
    """Paints one object's posed parts over `canvas`, `(height, width)` float32 linear intensity, in place."""
    height, width = canvas.shape
    for i in range(first, last):
        part = posed[i]
        glow = part[0] == GLOW
        margin = 0.0 if glow else EDGE_PX / 2
        row_from, row_to = max(0, math.floor(part[8] - margin)), min(height, math.ceil(part[10] + margin))
        column_from, column_to = max(0, math.floor(part[7] - margin)), min(width, math.ceil(part[9] + margin))
        for row in range(row_from, row_to):
            for column in range(column_from, column_to):
                x, y = column + 0.5, row + 0.5
                if glow:
                    distance2 = ((x - part[1]) ** 2 + (y - part[2]) ** 2) / (part[5] * part[5])
                    if distance2 < GLOW_REACH * GLOW_REACH:
                        canvas[row, column] += part[6] * (math.exp(-distance2) - math.exp(-GLOW_REACH * GLOW_REACH))
                    continue
                covered = 0.5 - signed_distance(part, x, y) / EDGE_PX
                if covered <= 0:
                    continue
                colour = part[6] * illumination[row, column]
                canvas[row, column] += min(1.0, covered) * (colour - canvas[row, column])


@numba.njit(cache=True, nogil=True)
def visible_shares(
    posed: NDArray[np.float64], starts: NDArray[np.int64], extents: NDArray[np.float64], height: int, width: int
) -> NDArray[np.float64]:
    """Which share of each object is seen: inside the frame and not behind a nearer object.

    Args:
        posed: as from `pose`, objects farthest first.
        starts: `(objects + 1,)`, each object's first part.
        extents: as from `pose`.
        height: sensor height in pixels.
        width: sensor width in pixels.

    Returns:
        `(objects,)` float64 in [0, 1]; 0 for an object out of sight.
    """
    shares = np.zeros(len(extents))
    for index in range(len(extents)):
        left, top, right, bottom = extents[index, :4]
        if right <= left or bottom <= top:
            continue
        stride = max(0.5, math.sqrt((right - left) * (bottom - top) / VISIBILITY_SAMPLES))
        total, seen = 0, 0
        for row in range(int((bottom - top) / stride) + 1):
            for column in range(int((right - left) / stride) + 1):
                x, y = left + (column + 0.5) * stride, top + (row + 0.5) * stride
                if _covers(posed, starts, extents, index, x, y):
                    total += 1
                    inside = 0 <= x < width and 0 <= y < height
                    seen += inside and not _hidden(posed, starts, extents, index, x, y)
        if total:
            shares[index] = seen / total
    return shares


@numba.njit(cache=True, nogil=True)
def _hidden(
    posed: NDArray[np.float64],
    starts: NDArray[np.int64],
    extents: NDArray[np.float64],
    index: int,
    x: float,
    y: float,
) -> bool:
    """Whether an object nearer than the one of this index covers a point."""
    nearer = index + 1
    while nearer < len(extents) and not _covers(posed, starts, extents, nearer, x, y):
        nearer += 1
    return nearer < len(extents)


@numba.njit(cache=True, nogil=True)
def _covers(
    posed: NDArray[np.float64],
    starts: NDArray[np.int64],
    extents: NDArray[np.float64],
    index: int,
    x: float,
    y: float,
) -> bool:
    """Whether a solid part of the object of this index covers a point."""
    left, top, right, bottom = extents[index, :4]
    if not (left <= x <= right and top <= y <= bottom):
        return False
    for i in range(starts[index], starts[index + 1]):
        if posed[i, 0] != GLOW and signed_distance(posed[i], x, y) <= 0:
            return True
    return False


@numba.njit(cache=True, nogil=True)
def render_steps(
    parts: NDArray[np.void],
    starts: NDArray[np.int64],
    states: NDArray[np.float64],
    t_us: NDArray[np.float64],
    background: NDArray[np.float32],
    illumination: NDArray[np.float32],
    pixels: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    boxes: NDArray[np.int64],
    events: NDArray[np.void],
) -> NDArray[np.void]:
    """Renders image after image and collects the events between each and the one before.

    Args:
        parts: `(parts,)` of `PART_DTYPE`.
        starts: `(objects + 1,)`, each object's first part.
        states: `(steps, objects, 4)`, as from `Scene.states`.
        t_us: `(steps + 1,)` times of the image before the first and of every image.
        background: `(height, width)`, intensity without objects.
        illumination: `(height, width)`.
        pixels: what each pixel saw last, its logarithm, its reference level, each `(height, width)` and updated, and
            its thresholds for brighter and darker, `(2, height, width)`.
        boxes: `(objects, 4)`, updated: what each object touched in the last image, columns and rows from and to.
        events: a first buffer of `EVENT_DTYPE`.

    Returns:
        The events, in order of time except within a step.
    """
    height, width = background.shape
    posed = np.zeros((len(parts), POSED_FIELDS))
    extents = np.zeros((len(boxes), 8))
    dirty = np.zeros((len(boxes), 4), np.int64)
    canvas = background.copy()
    count = 0
    for step in range(len(states)):
        pose(parts, starts, states[step], posed, extents)
        for index in range(len(boxes)):
            _touch(extents[index, 4:], height, width, boxes[index], dirty[index])
            left, right, top, bottom = dirty[index]
            canvas[top:bottom, left:right] = background[top:bottom, left:right]
        for index in range(len(boxes)):
            if boxes[index, 0] < boxes[index, 1]:
                paint(canvas, illumination, posed, starts[index], starts[index + 1])
        for index in range(len(boxes)):
            events, count = _compare(canvas, dirty[index], t_us[step], t_us[step + 1], pixels, events, count)
    return events[:count]


@numba.njit(cache=True, nogil=True)
def _touch(
    extent: NDArray[np.float64], height: int, width: int, box: NDArray[np.int64], dirty: NDArray[np.int64]
) -> None:
    """Moves an object's box, columns and rows from and to, and notes in `dirty` what its move can have changed."""
    left, top, right, bottom = extent
    dirty[:] = box
    box[:] = 0
    if right <= 0 or left >= width or bottom <= 0 or top >= height or right < left:
        return
    box[0], box[1] = max(0, math.floor(left) - 1), min(width, math.ceil(right) + 1)
    box[2], box[3] = max(0, math.floor(top) - 1), min(height, math.ceil(bottom) + 1)
    if dirty[0] == dirty[1]:
        dirty[:] = box
    for i in range(0, 4, 2):
        dirty[i], dirty[i + 1] = min(dirty[i], box[i]), max(dirty[i + 1], box[i + 1])


@numba.njit(cache=True, nogil=True)
def _compare(
    canvas: NDArray[np.float32],
    dirty: NDArray[np.int64],
    from_us: float,
    to_us: float,
    pixels: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    events: NDArray[np.void],
    count: int,
) -> tuple[NDArray[np.void], int]:
    """Lets the pixels of one box look at a new image; returns the buffer, perhaps a larger one, and its fill."""
    seen, level, reference, thresholds = pixels
    for row in range(dirty[2], dirty[3]):
        for column in range(dirty[0], dirty[1]):
            intensity = canvas[row, column]
            if intensity == seen[row, column]:
                continue
            before = level[row, column]
            after = np.float32(math.log(intensity + np.float32(DARK_INTENSITY)))
            seen[row, column], level[row, column] = intensity, after
            brighter = after > before
            sign = 1.0 if brighter else -1.0
            threshold = sign * thresholds[0 if brighter else 1, row, column]
            crossing = reference[row, column] + threshold
            while sign * (after - crossing) >= 0:
                share = min(1.0, max(0.0, (crossing - before) / (after - before)))
                if count == len(events):
                    events = np.concatenate((events, np.empty_like(events)))
                events[count]["t"] = min(math.floor(from_us + share * (to_us - from_us)), math.ceil(to_us) - 1)
                events[count]["x"], events[count]["y"], events[count]["p"] = column, row, brighter
                count += 1
                reference[row, column] = crossing
                crossing += threshold
    return events, count


def pose_scene(
    parts: NDArray[np.void], starts: NDArray[np.int64], states: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`pose` into new arrays: the posed parts and the extents."""
    posed = np.zeros((len(parts), POSED_FIELDS))
    extents = np.zeros((len(states), 8))
    pose(parts, starts, states, posed, extents)
    return posed, extents
