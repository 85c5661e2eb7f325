"""Roads and pavements before the camera, and the objects that travel on them."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainable.data.simulation.shapes import CLASSES, Track, build_parts

MAX_YAW: Final = np.deg2rad(14.0)
LANE_COUNT: Final = (2, 4)
LANE_SPEED_MPS: Final = (3.0, 9.0)
FORESHORTENING: Final = (0.6, 0.95)
STOPS_PER_S: Final = 0.015
"""Stops of one lane a second, at most one a recording."""

STOP_S: Final = (0.5, 4.0)
BRAKING_S: Final = 0.5
LANE_GAP_M: Final = 1.5
PAVEMENT_SPREAD: Final = 0.07
"""How far from a pavement's middle its objects walk, as a share of its distance from the camera."""

LABELLED_LENGTHS: Final = 0.4
"""How much longer than the frame the way is on which an object has a box, in lengths of the object, about."""

PLACEMENT_ATTEMPTS: Final = 30


@dataclass(frozen=True, slots=True)
class TrafficTrack:
    """A straight line on the ground along which objects travel.

    Args:
        kind: a lane, on which all vehicles have one speed, or a pavement.
        depth_m: distance from the camera where the track crosses the middle of the image.
        yaw: angle to the image plane in radians, shared by all tracks of a scene.
        direction: 1 to the right, -1 to the left; pavements carry both and ignore it.
        speed_mps: speed of a lane's traffic.
        stop_s: when the lane's traffic stands still, first and last second; `(inf, inf)` for never.
    """

    kind: Track
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
        braking = np.clip(t_s - (first - BRAKING_S), 0, BRAKING_S)
        standing = np.clip(t_s - first, 0, last - first)
        starting = np.clip(t_s - last, 0, BRAKING_S)
        # Speed falls and rises evenly, so braking and starting lose half of their time each.
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


def make_tracks(
    rng: np.random.Generator, *, far_px: float, near_px: float, focal_px: float, duration_s: float
) -> tuple[TrafficTrack, ...]:
    """Draws pavements behind and before a road, and the road's lanes.

    Args:
        rng: the recording's generator.
        far_px: pixels a metre on the far pavement; the tracks' scales are in geometric progression.
        near_px: pixels a metre on the near pavement.
        focal_px: focal length in pixels.
        duration_s: length of the recording in seconds.

    Returns:
        The tracks, farthest first.
    """
    lanes = int(rng.integers(*LANE_COUNT, endpoint=True))
    yaw = float(rng.uniform(-MAX_YAW, MAX_YAW))
    near_side = int(rng.choice((-1, 1)))
    tracks = []
    for index, scale in enumerate(np.geomspace(far_px, near_px, lanes + 2)):
        kind: Track = "lane" if 0 < index <= lanes else "pavement"
        direction = near_side if index > lanes // 2 else -near_side
        stop_s = (np.inf, np.inf)
        if kind == "lane" and rng.random() < STOPS_PER_S * duration_s:
            first = float(rng.uniform(0, duration_s))
            stop_s = (first, first + float(rng.uniform(*STOP_S)))
        speed = float(rng.uniform(*LANE_SPEED_MPS))
        tracks.append(TrafficTrack(kind, focal_px / float(scale), yaw, direction, speed, stop_s))
    return tuple(tracks)


def make_traffic(
    rng: np.random.Generator,
    tracks: tuple[TrafficTrack, ...],
    *,
    frame_m: NDArray[np.float64],
    duration_s: float,
    night: bool,
    mean_objects: float,
) -> tuple[TrafficObject, ...]:
    """Draws steady traffic: of each class, its share of `mean_objects` is in sight in the mean.

    Args:
        rng: the recording's generator.
        tracks: as from `make_tracks`.
        frame_m: `(tracks,)` metres of each track in the frame.
        duration_s: length of the recording in seconds.
        night: whether vehicles have their lamps on.
        mean_objects: mean number of objects in sight.

    Returns:
        The objects, farthest first; at least one is a pedestrian.
    """
    objects: list[TrafficObject] = []
    for class_id, kind in enumerate(CLASSES):
        candidates = [(track, frame) for track, frame in zip(tracks, frame_m, strict=True) if track.kind == kind.track]
        for track, frame in candidates:
            length_m = float(np.mean(kind.length_m))
            in_sight_m, labelled_m = float(frame) + length_m, float(frame) + LABELLED_LENGTHS * length_m
            speed = track.speed_mps if kind.track == "lane" else float(np.mean(kind.speed_mps))
            start_s, end_s = track.clock(np.array([0.0, duration_s]))
            passing_m = (end_s - start_s) * speed + in_sight_m
            count = mean_objects * kind.share / len(candidates) * passing_m / labelled_m
            # Rounded at random, with the right mean and less scatter than Poisson's.
            for _ in range(int(count + rng.random())):
                for _ in range(PLACEMENT_ATTEMPTS):
                    item = _make_object(rng, class_id, track, night=night)
                    early_s = in_sight_m / 2 / abs(item.speed_mps)
                    item = replace(item, middle_s=float(rng.uniform(start_s - early_s, end_s + early_s)))
                    if all(_clear(item, other) for other in objects):
                        objects.append(item)
                        break
    if not any(item.class_id == 0 for item in objects):
        item = _make_object(rng, 0, tracks[-1], night=night)
        objects.append(replace(item, middle_s=float(rng.uniform(0, duration_s))))
    return tuple(sorted(objects, key=lambda item: -item.depth_m))


def _clear(item: TrafficObject, other: TrafficObject) -> bool:
    """Whether two objects keep their distance; those of one lane have one speed, and on pavements people step aside."""
    if item.track is not other.track or item.track.kind == "pavement":
        return True
    distance_m = abs((item.middle_s - other.middle_s) * item.speed_mps)
    return distance_m > (item.length_m + other.length_m) / 2 + LANE_GAP_M


def _make_object(rng: np.random.Generator, class_id: int, track: TrafficTrack, *, night: bool) -> TrafficObject:
    """An object of one class on a track, passing the middle at time 0."""
    kind = CLASSES[class_id]
    length = float(rng.uniform(*kind.length_m))
    if track.kind == "lane":
        direction, speed, depth = track.direction, track.speed_mps, track.depth_m
        length *= float(rng.uniform(*FORESHORTENING))
    else:
        direction, speed = int(rng.choice((-1, 1))), float(rng.uniform(*kind.speed_mps))
        depth = track.depth_m * float(rng.uniform(1 - PAVEMENT_SPREAD, 1 + PAVEMENT_SPREAD))
    parts = build_parts(class_id, rng, length_m=length, direction=direction, night=night)
    return TrafficObject(class_id, parts, track, depth, direction * speed, 0.0, length)
