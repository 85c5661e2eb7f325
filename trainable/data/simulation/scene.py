"""A static traffic camera, the tracks before it, and everything that travels on them."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainable.data.simulation.shapes import PART_DTYPE
from trainable.data.simulation.traffic import TrafficObject, TrafficTrack, make_tracks, make_traffic

REFERENCE_HEIGHT_PX: Final = 192
"""Sensor height at which the camera's scales below are given; other heights scale them."""

FAR_SCALE_PX: Final = (10.5, 13.5)
NEAR_SCALE_PX: Final = (20.0, 46.0)
"""Pixels a metre on the far and the near pavement; the near ones spread evenly over their logarithm."""

HORIZON: Final = (-0.05, 0.12)
FOCAL_LENGTH_PX: Final = 300.0
GROUND_ROW: Final = 0.97
"""Row of the near pavement's middle, as a share of the height."""

LINE_HALF_WIDTH_M: Final = 0.15


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
        The scene, with at least one pedestrian.
    """
    unit = height / REFERENCE_HEIGHT_PX
    near_px = np.exp(rng.uniform(*np.log(NEAR_SCALE_PX))) * unit
    far_px = rng.uniform(*FAR_SCALE_PX) * unit
    horizon = rng.uniform(*HORIZON) * height
    focal = FOCAL_LENGTH_PX * unit
    camera = Camera(height, width, focal, horizon, (GROUND_ROW * height - horizon) / near_px)
    tracks = make_tracks(rng, far_px=far_px, near_px=near_px, focal_px=focal, duration_s=duration_s)
    objects = make_traffic(
        rng,
        tracks,
        frame_m=np.array([width * track.depth_m / focal for track in tracks]),
        duration_s=duration_s,
        night=night,
        mean_objects=mean_objects,
    )
    reflectance, illumination = _make_background(rng, tracks, camera, night)
    return Scene(camera, night, reflectance, illumination, objects)


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
