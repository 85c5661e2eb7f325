"""What the eight classes look like: silhouettes built of simple parts, in metres.

An object is drawn from the side, `x` pointing the way it travels and `y` up, with its origin on the ground below its
middle. Its length is foreshortened when it is built, so that wheels and heads stay round.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Track = Literal["pavement", "lane"]


class PartKind(IntEnum):
    """The geometry of one part and the meaning of its two points `a` and `b`."""

    CAPSULE = 0
    """Everything within `radius` of the segment from `a` to `b`; `b` turns around `a`."""
    BOX = 1
    """A box around `a` with half sizes `b` and corners rounded by `radius`."""
    RING = 2
    """A circle around `a` of radius `b[0]`, drawn with a line of half width `radius`."""
    GLOW = 3
    """Light added around `a`, a Gaussian of standard deviation `radius`; not a part of the object's box."""


PART_DTYPE: Final = np.dtype(
    [
        ("kind", "<i8"),
        ("ax", "<f8"),
        ("ay", "<f8"),
        ("bx", "<f8"),
        ("by", "<f8"),
        ("radius", "<f8"),
        ("brightness", "<f8"),  # reflectance, or the added intensity of a glow
        ("spin", "<f8"),  # radians a metre travelled
        ("swing", "<f8"),  # amplitude in radians
        ("swing_rate", "<f8"),  # radians of the swing's phase a metre travelled
        ("swing_phase", "<f8"),
    ]
)
"""One part in metres, painted over the parts before it."""

DARK = (0.05, 0.14)
BRIGHT = (0.6, 0.95)
TYRE = 0.05
GLASS = 0.1
LAMP = 2.5
TAIL_LAMP = 0.8


@dataclass(frozen=True, slots=True)
class ObjectClass:
    """How objects of one class occur and move.

    Args:
        name: the class's name in eTraM.
        share: share of eTraM's training boxes.
        track: where its objects travel.
        length_m: range of lengths before foreshortening, in metres.
        speed_mps: range of speeds on a pavement, metres a second; on a lane all objects have the lane's speed.
    """

    name: str
    share: float
    track: Track
    length_m: tuple[float, float]
    speed_mps: tuple[float, float] = (0.0, 0.0)


_TRAIN_BOXES = 145_539 + 198_229 + 9_789 + 6_023 + 1_596 + 13_679 + 107 + 236

CLASSES: Final = (
    ObjectClass("pedestrian", 145_539 / _TRAIN_BOXES, "pavement", (0.5, 0.5), (1.0, 2.2)),
    ObjectClass("car", 198_229 / _TRAIN_BOXES, "lane", (3.9, 4.7)),
    ObjectClass("bicycle", 9_789 / _TRAIN_BOXES, "pavement", (1.7, 1.9), (3.5, 6.5)),
    ObjectClass("bus", 6_023 / _TRAIN_BOXES, "lane", (10.0, 12.5)),
    ObjectClass("motorbike", 1_596 / _TRAIN_BOXES, "lane", (2.0, 2.3)),
    ObjectClass("truck", 13_679 / _TRAIN_BOXES, "lane", (6.5, 9.5)),
    ObjectClass("tram", 107 / _TRAIN_BOXES, "lane", (20.0, 28.0)),
    ObjectClass("wheelchair", 236 / _TRAIN_BOXES, "pavement", (1.0, 1.2), (0.9, 1.6)),
)
"""eTraM's classes in its order, with their shares of its training boxes."""


class Silhouette:
    """Collects the parts of one object.

    Args:
        rng: draws the object's colours and proportions.
        night: whether vehicles switch their lamps on.
    """

    def __init__(self, rng: np.random.Generator, *, night: bool) -> None:
        self.rng = rng
        self.night = night
        self._parts: list[tuple[float, ...]] = []

    def shade(self) -> float:
        """A dark or a bright reflectance, away from the grey of the ground."""
        low, high = DARK if self.rng.random() < 0.45 else BRIGHT
        return float(self.rng.uniform(low, high))

    def box(self, x: float, y: float, width: float, height: float, brightness: float, corner: float = 0.05) -> None:
        """A box with centre `x`, lower edge `y`."""
        half_w, half_h = width / 2, height / 2
        corner = min(corner, half_w, half_h)
        self._add(PartKind.BOX, (x, y + half_h), (half_w, half_h), corner, brightness)

    def disc(self, x: float, y: float, radius: float, brightness: float) -> None:
        """A filled circle around `(x, y)`."""
        self._add(PartKind.CAPSULE, (x, y), (x, y), radius, brightness)

    def limb(
        self,
        a: tuple[float, float],
        b: tuple[float, float],
        radius: float,
        brightness: float,
        *,
        swing: float = 0.0,
        rate: float = 0.0,
        phase: float = 0.0,
    ) -> None:
        """A thick line from `a` to `b` that swings around `a` as the object travels."""
        self._add(PartKind.CAPSULE, a, b, radius, brightness, swing=swing, rate=rate, phase=phase)

    def wheel(self, x: float, radius: float, *, solid: bool = True, spokes: int = 2) -> None:
        """A turning wheel on the ground: a tyre with bright spokes, or a thin ring with dark ones."""
        if solid:
            self.disc(x, radius, radius, TYRE)
        else:
            self._add(PartKind.RING, (x, radius), (radius * 0.92, 0.0), radius * 0.09, TYRE)
        reach, width = (0.55, 0.2) if solid else (0.85, 0.05)
        angles = np.arange(spokes) * np.pi / spokes + self.rng.uniform(0, np.pi)
        for angle in angles:
            for side in (0.0, np.pi):
                tip = (
                    x + reach * radius * float(np.cos(angle + side)),
                    radius + reach * radius * float(np.sin(angle + side)),
                )
                brightness = 0.6 if solid else 0.1
                self._add(PartKind.CAPSULE, (x, radius), tip, width * radius * 0.5, brightness, spin=-1.0 / radius)

    def lamps(self, front: float, back: float, height: float) -> None:
        """Head and tail lamps, at night only."""
        if self.night:
            self._add(PartKind.GLOW, (front, height), (0.0, 0.0), 0.35, LAMP)
            self._add(PartKind.GLOW, (back, height), (0.0, 0.0), 0.2, TAIL_LAMP)

    def _add(
        self,
        kind: PartKind,
        a: tuple[float, float],
        b: tuple[float, float],
        radius: float,
        brightness: float,
        *,
        spin: float = 0.0,
        swing: float = 0.0,
        rate: float = 0.0,
        phase: float = 0.0,
    ) -> None:
        self._parts.append((kind, *a, *b, radius, brightness, spin, swing, rate, phase))

    def parts(self, direction: int) -> NDArray[np.void]:
        """The parts of the object travelling to the right (1) or, mirrored, to the left (-1), as `PART_DTYPE`."""
        parts = np.array(self._parts, dtype=PART_DTYPE)
        if direction < 0:
            parts["ax"] *= -1
            parts["bx"] = np.where(parts["kind"] == PartKind.CAPSULE, -parts["bx"], parts["bx"])
            parts["spin"] *= -1
            parts["swing"] *= -1
        return parts


def build_parts(
    class_id: int, rng: np.random.Generator, *, length_m: float, direction: int, night: bool
) -> NDArray[np.void]:
    """One object of a class.

    Args:
        class_id: index into `CLASSES`.
        rng: draws its colours and proportions.
        length_m: its apparent length, already foreshortened, in metres.
        direction: 1 when it travels to the right, -1 to the left.
        night: whether its lamps are on.

    Returns:
        `(parts,)` of `PART_DTYPE`, in painting order.
    """
    silhouette = Silhouette(rng, night=night)
    match CLASSES[class_id].name:
        case "pedestrian":
            _pedestrian(silhouette)
        case "car":
            _car(silhouette, length_m)
        case "bicycle":
            _bicycle(silhouette, length_m)
        case "bus":
            _bus(silhouette, length_m, height=3.1, window=1.15)
        case "motorbike":
            _motorbike(silhouette, length_m)
        case "truck":
            _truck(silhouette, length_m)
        case "tram":
            _tram(silhouette, length_m)
        case _:
            _wheelchair(silhouette, length_m)
    return silhouette.parts(direction)


def _pedestrian(silhouette: Silhouette) -> None:
    rng = silhouette.rng
    height = float(rng.uniform(1.55, 1.9))
    coat, trousers, skin = silhouette.shade(), silhouette.shade(), float(rng.uniform(0.25, 0.7))
    hip, shoulder = 0.5 * height, 0.8 * height
    stride = 2 * np.pi / 1.4
    phase = float(rng.uniform(0, 2 * np.pi))
    for side in (0.0, np.pi):
        silhouette.limb((0.0, hip), (0.0, 0.09), 0.09, trousers, swing=0.5, rate=stride, phase=phase + side)
    silhouette.limb((0.0, shoulder), (0.05, hip), 0.07, coat, swing=0.6, rate=stride, phase=phase + np.pi)
    silhouette.limb((-0.2, hip + 0.2), (-0.2, shoulder - 0.12), 0.14, silhouette.shade())
    silhouette.limb((0.0, hip + 0.08), (0.0, shoulder - 0.06), 0.2, coat)
    silhouette.limb((0.0, shoulder), (0.05, hip), 0.07, 0.6 * coat, swing=0.6, rate=stride, phase=phase)
    silhouette.disc(0.02, height - 0.13, 0.13, skin)


def _car(silhouette: Silhouette, length: float) -> None:
    paint = silhouette.shade()
    height = float(silhouette.rng.uniform(1.8, 2.3))
    waist = 0.56 * height
    silhouette.box(-0.06 * length, waist - 0.15, 0.62 * length, height - waist + 0.15, paint, corner=0.4)
    glass = 0.45 if paint < 0.3 else GLASS
    silhouette.box(0.1 * length, waist + 0.02, 0.23 * length, 0.62 * (height - waist), glass, corner=0.15)
    silhouette.box(-0.2 * length, waist + 0.02, 0.25 * length, 0.62 * (height - waist), glass, corner=0.15)
    silhouette.box(0.0, 0.22, length, waist - 0.22, paint, corner=0.22)
    silhouette.box(0.0, 0.22, 0.9 * length, 0.14, 0.5 * paint)
    silhouette.box(0.46 * length, 0.5 * waist, 0.06 * length, 0.18, 0.9)
    silhouette.box(-0.47 * length, 0.55 * waist, 0.05 * length, 0.2, 0.3)
    for x in (-0.3 * length, 0.3 * length):
        silhouette.wheel(x, 0.33)
    silhouette.lamps(0.48 * length, -0.48 * length, 0.6 * waist)


def _rider(silhouette: Silhouette, *, seat: float, reach: float, rate: float) -> None:
    coat, trousers = silhouette.shade(), silhouette.shade()
    phase = float(silhouette.rng.uniform(0, 2 * np.pi))
    for side in (0.0, np.pi):
        silhouette.limb((-0.12, seat), (0.08, 0.3), 0.09, trousers, swing=0.35, rate=rate, phase=phase + side)
    silhouette.limb((-0.12, seat), (0.12, seat + 0.5), 0.16, coat)
    silhouette.limb((0.12, seat + 0.45), (reach, seat + 0.15), 0.06, coat)
    silhouette.disc(0.2, seat + 0.74, 0.13, float(silhouette.rng.uniform(0.25, 0.7)))


def _bicycle(silhouette: Silhouette, length: float) -> None:
    radius = 0.34
    reach = length / 2 - radius
    frame = silhouette.shade()
    for x in (-reach, reach):
        silhouette.wheel(x, radius, solid=False, spokes=2)
    silhouette.limb((-reach, radius), (0.0, radius), 0.03, frame)
    silhouette.limb((0.0, radius), (-0.15, 0.9), 0.03, frame)
    silhouette.limb((-0.1, 0.8), (reach - 0.08, 0.85), 0.03, frame)
    silhouette.limb((reach, radius), (reach - 0.1, 1.0), 0.03, frame)
    _rider(silhouette, seat=0.95, reach=reach - 0.08, rate=1.3)


def _motorbike(silhouette: Silhouette, length: float) -> None:
    radius = 0.32
    reach = length / 2 - radius
    paint = silhouette.shade()
    for x in (-reach, reach):
        silhouette.wheel(x, radius)
    silhouette.box(0.0, 0.35, 1.5 * reach, 0.35, paint, corner=0.15)
    silhouette.box(-0.6 * reach, 0.68, 1.0 * reach, 0.16, TYRE, corner=0.08)
    silhouette.limb((reach, radius), (0.65 * reach, 1.0), 0.06, paint)
    _rider(silhouette, seat=0.82, reach=0.65 * reach, rate=0.0)
    silhouette.lamps(reach, -length / 2, 0.75)


def _bus(silhouette: Silhouette, length: float, *, height: float, window: float) -> None:
    paint = float(silhouette.rng.uniform(0.55, 0.95))
    silhouette.box(0.0, 0.3, length, height - 0.3, paint, corner=0.2)
    silhouette.box(0.0, 0.45, length, 0.35, 0.35 * paint)
    count = max(3, round(length / window))
    pitch = length / count
    for i in range(count):
        x = -length / 2 + (i + 0.5) * pitch
        silhouette.box(x, 0.5 * height, 0.78 * pitch, 0.33 * height, GLASS, corner=0.06)
    for x in (-0.3 * length, 0.34 * length):
        silhouette.wheel(x, 0.48)
    silhouette.lamps(0.49 * length, -0.49 * length, 0.8)


def _truck(silhouette: Silhouette, length: float) -> None:
    cab_paint, cargo = silhouette.shade(), float(silhouette.rng.uniform(0.6, 0.95))
    height = float(silhouette.rng.uniform(3.0, 3.7))
    cab = min(2.1, 0.32 * length)
    body = length - cab - 0.15
    silhouette.box(0.0, 0.55, length, 0.3, TYRE)
    silhouette.box(-length / 2 + body / 2, 0.85, body, height - 0.85, cargo, corner=0.05)
    for i in range(3):
        x = -length / 2 + (i + 1) * body / 4
        silhouette.box(x, 0.95, 0.12, height - 1.05, 0.45 * cargo, corner=0.02)
    silhouette.box(length / 2 - cab / 2, 0.45, cab, 0.72 * height - 0.45, cab_paint, corner=0.25)
    glass = 0.45 if cab_paint < 0.3 else GLASS
    silhouette.box(length / 2 - 0.35 * cab, 0.45 * height, 0.5 * cab, 0.2 * height, glass, corner=0.1)
    for x in (-0.38 * length, -0.2 * length, length / 2 - 0.5 * cab):
        silhouette.wheel(x, 0.5)
    silhouette.lamps(0.49 * length, -0.49 * length, 0.8)


def _tram(silhouette: Silhouette, length: float) -> None:
    _bus(silhouette, length, height=3.4, window=1.7)
    for i in range(1, 3):
        silhouette.box(-length / 2 + i * length / 3, 0.3, 0.5, 3.1, TYRE)
    silhouette.limb((0.0, 3.4), (0.7, 4.1), 0.05, TYRE)
    silhouette.limb((0.7, 4.1), (0.0, 4.7), 0.05, TYRE)
    silhouette.limb((-0.5, 4.7), (0.5, 4.7), 0.05, TYRE)


def _wheelchair(silhouette: Silhouette, length: float) -> None:
    coat, trousers = silhouette.shade(), silhouette.shade()
    silhouette.wheel(-0.1, 0.3, solid=False, spokes=3)
    silhouette.wheel(length / 2 - 0.1, 0.1)
    silhouette.limb((-0.3, 0.55), (-0.35, 1.0), 0.05, TYRE)
    silhouette.limb((-0.15, 0.55), (0.3, 0.58), 0.1, trousers)
    silhouette.limb((0.3, 0.58), (length / 2 - 0.05, 0.18), 0.08, trousers)
    silhouette.limb((-0.15, 0.6), (-0.1, 1.0), 0.17, coat)
    silhouette.limb((-0.1, 1.0), (0.15, 0.7), 0.06, coat, swing=0.3, rate=2.5)
    silhouette.disc(-0.06, 1.28, 0.13, float(silhouette.rng.uniform(0.25, 0.7)))
