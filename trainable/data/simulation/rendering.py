"""Draws the objects of a scene, anti-aliased and at any sub-pixel position, and measures them."""

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


@numba.njit(cache=True, nogil=True, inline="always")
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


def pose_scene(
    parts: NDArray[np.void], starts: NDArray[np.int64], states: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`pose` into new arrays: the posed parts and the extents."""
    posed = np.zeros((len(parts), POSED_FIELDS))
    extents = np.zeros((len(states), 8))
    pose(parts, starts, states, posed, extents)
    return posed, extents
