"""An event frame as a picture, with labels and detections as boxes."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from trainable.files import written_whole

BACKGROUND = (18, 20, 26)
FALLING_LIGHT = (64, 118, 255)
RISING_LIGHT = (245, 245, 245)
LABEL_COLOUR = "#3DDC84"
DETECTION_COLOUR = "#FFA62B"

LONG_SIDE_PX = 1280
"""A picture is enlarged by a whole number until its longer side is about this long, so that small objects are seen."""

_DOTS_PER_INCH = 100
_CAPTION_PX = 34
_LINE_POINTS = 2 * 72 / _DOTS_PER_INCH
_COUNTS_OF_FULL_COLOUR = 3.0


def event_colours(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Colour an event frame: rising light white, falling light blue, brighter where there are more events.

    Args:
        frame: `(2 * bins, height, width)` counts, falling light first.

    Returns:
        `(height, width, 3)` RGB.
    """
    bins = len(frame) // 2
    falling, rising = (half.sum(axis=0, dtype=np.float32) for half in (frame[:bins], frame[bins:]))
    counts = falling + rising
    share_rising = np.divide(rising, counts, out=np.zeros_like(rising), where=counts > 0)[..., None]
    strength = np.minimum(1, counts / _COUNTS_OF_FULL_COLOUR)[..., None] ** 0.5
    hue = share_rising * np.array(RISING_LIGHT) + (1 - share_rising) * np.array(FALLING_LIGHT)
    return np.asarray(np.rint((1 - strength) * np.array(BACKGROUND) + strength * hue), dtype=np.uint8)


def save_event_picture(
    path: Path,
    colours: npt.NDArray[np.uint8],
    *,
    caption: str,
    labels: npt.NDArray[np.void],
    detections: npt.NDArray[np.void],
    class_names: tuple[str, ...],
) -> None:
    """Draw labels in green, their class below, and detections in orange, class and score above; the file is whole.

    Only Matplotlib's objects are used and no global state, so that any thread may draw.

    Args:
        path: The PNG file; its folder must exist.
        colours: `(height, width, 3)` RGB, as `event_colours` gives.
        caption: A line above the picture.
        labels: Records of `BOX_DTYPE` in pixels of the frame.
        detections: Likewise, those worth showing.
        class_names: One name a class id.

    Raises:
        OSError: When the file cannot be written.
    """
    height, width, _ = colours.shape
    scale = max(1, round(LONG_SIDE_PX / max(height, width)))
    full_height = height * scale + _CAPTION_PX
    figure = Figure(figsize=(width * scale / _DOTS_PER_INCH, full_height / _DOTS_PER_INCH), dpi=_DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    figure.set_facecolor("black")
    axes = figure.add_axes((0, 0, 1, height * scale / full_height))
    axes.set_axis_off()
    axes.imshow(colours, interpolation="nearest", aspect="auto", extent=(0, width, height, 0))
    for box in labels:
        _draw_box(axes, box, class_names[box["class_id"]], LABEL_COLOUR, scale, above=False)
    for box in detections:
        text = f"{class_names[box['class_id']]} {box['class_confidence']:.2f}"
        _draw_box(axes, box, text, DETECTION_COLOUR, scale, above=True)
    figure.text(0.005, 1 - _CAPTION_PX / 2 / full_height, caption, color="white", va="center", size=10)
    for text, colour, x in (("labels", LABEL_COLOUR, 0.93), ("detections", DETECTION_COLOUR, 0.995)):
        figure.text(x, 1 - _CAPTION_PX / 2 / full_height, text, color=colour, va="center", ha="right", size=10)
    with written_whole(path) as draft:
        figure.savefig(draft, format="png", dpi=_DOTS_PER_INCH, pil_kwargs={"compress_level": 3})


def _draw_box(axes: Axes, box: npt.NDArray[np.void], text: str, colour: str, scale: int, *, above: bool) -> None:
    x, y, w, h = (float(box[name]) for name in ("x", "y", "w", "h"))
    axes.add_patch(Rectangle((x, y), w, h, fill=False, edgecolor=colour, linewidth=_LINE_POINTS))
    gap = 3 / scale
    axes.text(
        x, y - gap if above else y + h + gap, text, color=colour, size=7, va="bottom" if above else "top", clip_on=True
    )
