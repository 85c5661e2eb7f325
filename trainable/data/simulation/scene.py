"""A static traffic camera, the tracks before it, and everything that travels on them."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainable.data.simulation.shapes import CLASSES, PART_DTYPE, build_parts

REFERENCE_HEIGHT_PX: Final = 192
"""Sensor height at which the camera's scales below are given; other heights scale them."""

FAR_SCALE_PX: Final = (6.0, 8.0)
NEAR_SCALE_PX: Final = (17.0, 24.0)
HORIZON: Final = (-0.05, 0.12)
FOCAL_LENGTH_PX: Final = 300.0
MAX_YAW: Final = np.deg2rad(14.0)
LANE_SPEED_MPS: Final = (5.0, 13.0)
FORESHORTENING: Final = (0.6, 1.0)
STOPS_PER_S: Final = 0.015
"""Stops of one lane a second, at most one a recording."""
BRAKING_S: Final = 0.5
LANE_GAP_M: Final = 1.5
LINE_HALF_WIDTH_M: Final = 0.15
PLACEMENT_ATTEMPTS: Final = 30


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera above flat ground, looking across the road; all lengths at the sensor in pixels.

    Args:
        height_px: sensor height.
        width_px: sensor width.
        focal_px: focal length.
        horizon_px: row of the horizon; it may lie above the sensor.
        height_m: height above the ground in metres.
    """

    height_px: int
    width_px: int
    focal_px: float
    horizon_px: float
    height_m: float

    def project(
        self, x_m: NDArray[np.float64], z_m: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Column, row and scale in pixels a metre of points on the ground, from metres to the right and ahead."""
        scale = self.focal_px / z_m
        return self.width_px / 2 + scale * x_m, self.horizon_px + scale * self.height_m, scale


@dataclass(frozen=True, slots=True)
class TrafficTrack:
    """A straight line on the ground along which objects travel.

    Args:
        kind: `"lane"` for vehicles, which all have the lane's speed, or `"pavement"`.
        depth_m: distance from the camera where the track crosses the middle of the image.
        yaw: angle to the image plane in radians, shared by all tracks of a scene.
        direction: 1 to the right, -1 to the left; pavements carry both and ignore it.
        speed_mps: speed of a lane's traffic.
        stop_s: when the lane's traffic stands still, first and last second; `(inf, inf)` for never.
    """

    kind: str
    depth_m: float
    yaw: float
    direction: int
    speed_mps: float
    stop_s: tuple[float, float]

    def clock(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Seconds of undisturbed travel after `t_s` seconds: it stands still while the traffic does."""
        first, last = self.stop_s
        if not np.isfinite(first):
            return t_s
        knots = np.array([first - BRAKING_S, first, last, last + BRAKING_S])
        # Braking and starting are uniform accelerations, so each costs half of its time.
        braking = np.clip(t_s - knots[0], 0, BRAKING_S)
        starting = np.clip(t_s - knots[2], 0, BRAKING_S)
        standing = np.clip(t_s - knots[1], 0, last - first)
        lost = braking**2 / (2 * BRAKING_S) + standing + starting - starting**2 / (2 * BRAKING_S)
        clock: NDArray[np.float64] = t_s - lost
        return clock


@dataclass(frozen=True, slots=True)
class TrafficObject:
    """One object: its looks, its track, and when it passes the middle of the image.

    Args:
        class_id: index into `CLASSES`.
        parts: `(parts,)` of `PART_DTYPE`.
        track: the track it travels on.
        depth_m: its own distance from the camera in the middle of the image.
        speed_mps: its speed, positive to the right.
        middle_s: when, by its track's clock, it passes the middle.
        length_m: its apparent length.
    """

    class_id: int
    parts: NDArray[np.void]
    track: TrafficTrack
    depth_m: float
    speed_mps: float
    middle_s: float
    length_m: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything before the camera during one recording.

    Args:
        camera: the camera.
        night: whether it is night.
        reflectance: `(height, width)` float32, the background, 0 to 1.
        illumination: `(height, width)` float32, multiplied with every reflectance.
        objects: farthest first.
    """

    camera: Camera
    night: bool
    reflectance: NDArray[np.float32]
    illumination: NDArray[np.float32]
    objects: tuple[TrafficObject, ...]

    def states(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where every object is at every time.

        Args:
            t_s: `(times,)` seconds.

        Returns:
            `(times, objects, 4)`: column and row of the object's origin in pixels, pixels a metre (0 while it is out of
            sight), and metres travelled.
        """
        states = np.zeros((len(t_s), len(self.objects), 4))
        for index, item in enumerate(self.objects):
            travelled = item.speed_mps * (item.track.clock(t_s) - item.middle_s)
            x_m = travelled * np.cos(item.track.yaw)
            z_m = np.maximum(item.depth_m + travelled * np.sin(item.track.yaw), 0.3 * item.depth_m)
            x, y, scale = self.camera.project(x_m, z_m)
            reach = (item.length_m / 2 + 2.0) * scale
            seen = (x + reach > 0) & (x - reach < self.camera.width_px)
            states[:, index] = np.stack((x, y, np.where(seen, scale, 0.0), np.abs(travelled)), axis=-1)
        return states

    def parts(self) -> tuple[NDArray[np.void], NDArray[np.int64]]:
        """All objects' parts in one array of `PART_DTYPE`, and where each object's parts start, `(objects + 1,)`."""
        starts = np.cumsum([0, *(len(item.parts) for item in self.objects)])
        parts = np.concatenate([item.parts for item in self.objects]) if self.objects else np.empty(0, PART_DTYPE)
        return parts, starts.astype(np.int64)


def make_scene(
    rng: np.random.Generator, *, height: int, width: int, duration_s: float, night: bool, mean_objects: float
) -> Scene:
    """Draws a camera, its tracks, the traffic of one recording and the background.

    Args:
        rng: the recording's generator.
        height: sensor height in pixels.
        width: sensor width in pixels.
        duration_s: length of the recording in seconds.
        night: whether it is night.
        mean_objects: mean number of objects in sight; each class gets its share of them.

    Returns:
        The scene, with at least one pedestrian and one car.
    """
    unit = height / REFERENCE_HEIGHT_PX
    near_px, far_px = rng.uniform(*NEAR_SCALE_PX) * unit, rng.uniform(*FAR_SCALE_PX) * unit
    horizon = rng.uniform(*HORIZON) * height
    focal = FOCAL_LENGTH_PX * unit
    camera = Camera(height, width, focal, horizon, (0.97 * height - horizon) / near_px)
    tracks = _make_tracks(rng, far_px, near_px, focal, duration_s)
    objects = _make_traffic(rng, tracks, camera, duration_s, night, mean_objects)
    reflectance, illumination = _make_background(rng, tracks, camera, night)
    return Scene(camera, night, reflectance, illumination, objects)


def _make_tracks(
    rng: np.random.Generator, far_px: float, near_px: float, focal_px: float, duration_s: float
) -> tuple[TrafficTrack, ...]:
    """Pavements behind and before a road of two to four lanes, evenly spread over the scales."""
    lanes = int(rng.integers(2, 5))
    scales = np.geomspace(far_px, near_px, lanes + 2)
    yaw = float(rng.uniform(-MAX_YAW, MAX_YAW))
    near_side = int(rng.choice((-1, 1)))
    tracks = []
    for index, scale in enumerate(scales):
        kind = "lane" if 0 < index <= lanes else "pavement"
        direction = near_side if index > lanes // 2 else -near_side
        stop = (np.inf, np.inf)
        if kind == "lane" and rng.random() < STOPS_PER_S * duration_s:
            first = float(rng.uniform(0, duration_s))
            stop = (first, first + float(rng.uniform(0.5, 4.0)))
        speed = float(rng.uniform(*LANE_SPEED_MPS))
        tracks.append(TrafficTrack(kind, focal_px / float(scale), yaw, direction, speed, stop))
    return tuple(tracks)


def _make_traffic(
    rng: np.random.Generator,
    tracks: tuple[TrafficTrack, ...],
    camera: Camera,
    duration_s: float,
    night: bool,
    mean_objects: float,
) -> tuple[TrafficObject, ...]:
    """Objects in steady traffic: the number in sight is in the mean `mean_objects` times the class's share."""
    objects: list[TrafficObject] = []
    for class_id, kind in enumerate(CLASSES):
        candidates = [track for track in tracks if track.kind == kind.track]
        for track in candidates:
            travel = track.speed_mps if kind.track == "lane" else float(np.mean(kind.speed_mps))
            in_sight_m = camera.width_px * track.depth_m / camera.focal_px + float(np.mean(kind.length_m))
            passing = float(track.clock(np.array([duration_s]))[0] - track.clock(np.array([0.0]))[0])
            mean = mean_objects * kind.share / len(candidates) * (1 + passing * travel / in_sight_m)
            for _ in range(_round_at_random(rng, mean)):
                placed = _place(rng, class_id, track, objects, in_sight_m, passing, night)
                if placed is not None:
                    objects.append(placed)
    for class_id in (0, 1):
        if not any(item.class_id == class_id for item in objects):
            candidates = [track for track in tracks if track.kind == CLASSES[class_id].track]
            track = candidates[int(rng.integers(len(candidates)))]
            objects.append(_make_object(rng, class_id, track, float(rng.uniform(0, duration_s)), night))
    return tuple(sorted(objects, key=lambda item: -item.depth_m))


def _round_at_random(rng: np.random.Generator, mean: float) -> int:
    return int(mean) + int(rng.random() < mean - int(mean))


def _place(
    rng: np.random.Generator,
    class_id: int,
    track: TrafficTrack,
    others: list[TrafficObject],
    in_sight_m: float,
    passing_s: float,
    night: bool,
) -> TrafficObject | None:
    """An object somewhere in the recording's traffic that keeps clear of those on its lane, or None when it is full."""
    for _ in range(PLACEMENT_ATTEMPTS):
        item = _make_object(rng, class_id, track, 0.0, night)
        early_s = in_sight_m / 2 / abs(item.speed_mps)
        start_s = float(track.clock(np.array([0.0]))[0])
        middle = float(rng.uniform(start_s - early_s, start_s + passing_s + early_s))
        item = replace(item, middle_s=middle)
        if track.kind == "pavement" or all(_clear(item, other) for other in others if other.track is track):
            return item
    return None


def _clear(item: TrafficObject, other: TrafficObject) -> bool:
    """Whether two objects of one lane, which have one speed, keep their distance."""
    distance_m = abs(item.middle_s - other.middle_s) * abs(item.speed_mps)
    return distance_m > (item.length_m + other.length_m) / 2 + LANE_GAP_M


def _make_object(
    rng: np.random.Generator, class_id: int, track: TrafficTrack, middle_s: float, night: bool
) -> TrafficObject:
    kind = CLASSES[class_id]
    if track.kind == "lane":
        direction, speed, depth = track.direction, track.speed_mps, track.depth_m
    else:
        direction, speed = int(rng.choice((-1, 1))), float(rng.uniform(*kind.speed_mps))
        depth = track.depth_m * float(rng.uniform(0.93, 1.07))
    length = float(rng.uniform(*kind.length_m))
    if track.kind == "lane":
        length *= float(rng.uniform(*FORESHORTENING))
    parts = build_parts(class_id, rng, length_m=length, direction=direction, night=night)
    return TrafficObject(class_id, parts, track, depth, direction * speed, middle_s, length)


def _make_background(
    rng: np.random.Generator, tracks: tuple[TrafficTrack, ...], camera: Camera, night: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Buildings above the far pavement, ground below, a marked road, mottled; at night lit by street lamps."""
    height, width = camera.height_px, camera.width_px
    row, column = np.mgrid[0.5:height, 0.5:width]
    # The depth of the ground seen in each pixel, moved along the yaw to where that line crosses the image's middle.
    scale = np.maximum((row - camera.horizon_px) / camera.height_m, 1e-3)
    depth = camera.focal_px / scale - (column - width / 2) / scale * np.tan(tracks[0].yaw)
    lanes = [track.depth_m for track in tracks if track.kind == "lane"]
    reflectance = np.where(depth > 1.15 * tracks[0].depth_m, rng.uniform(0.25, 0.45), rng.uniform(0.35, 0.45))
    on_road = (depth < 1.12 * lanes[0]) & (depth > 0.88 * lanes[-1])
    reflectance = np.where(on_road, rng.uniform(0.22, 0.3), reflectance)
    for far, near in pairwise(lanes):
        middle = (far + near) / 2
        reflectance = np.where(np.abs(depth - middle) < LINE_HALF_WIDTH_M, 0.55, reflectance)
    reflectance *= 1 + 0.12 * _mottle(rng, height, width, 24) + 0.08 * _mottle(rng, height, width, 4)
    if not night:
        return np.clip(reflectance, 0.03, 1).astype(np.float32), np.ones((height, width), np.float32)
    illumination = np.full((height, width), 0.1)
    for centre in np.arange(rng.uniform(0, 0.4), 1.2, rng.uniform(0.3, 0.5)) * width:
        illumination += 0.15 * np.exp(-(((column - centre) / (0.15 * width)) ** 2))
    return np.clip(reflectance, 0.03, 1).astype(np.float32), illumination.astype(np.float32)


def _mottle(rng: np.random.Generator, height: int, width: int, cell_px: int) -> NDArray[np.float64]:
    """Smooth noise in [-1, 1], bilinear between random values `cell_px` apart."""
    knots = rng.uniform(-1, 1, (height // cell_px + 2, width // cell_px + 2))
    row, column = np.arange(height) / cell_px, np.arange(width) / cell_px
    r, c = row.astype(int), column.astype(int)
    down, right = (row - r)[:, None], (column - c)[None, :]
    top = knots[r][:, c] * (1 - right) + knots[r][:, c + 1] * right
    bottom = knots[r + 1][:, c] * (1 - right) + knots[r + 1][:, c + 1] * right
    mottle: NDArray[np.float64] = top * (1 - down) + bottom * down
    return mottle
