"""Moments as pictures: events, labels and detections, whole frames and enlarged objects."""

from io import BytesIO
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from reports.moment_findings import Findings
from trainable.event_picture import (
    BACKGROUND,
    DETECTION_COLOUR,
    FALLING_LIGHT,
    LABEL_COLOUR,
    RISING_LIGHT,
    event_colours,
)

LEGEND = (
    "Events: white where it became brighter, blue where it became darker. Labels: green, solid lines, with their "
    "class; one that was not found is marked as missed. Detections: orange, dashed lines, with class and score; a "
    "false one is struck through. Texts that would cover others are left out."
)

LONG_SIDE_PX = 640
"""A frame is enlarged or reduced by a whole number until its longer side is about this long."""

_ZOOM_PX = 320
_SURROUNDINGS = 3
"""Sides of a zoomed window, in sides of the object."""
_LEAST_WINDOW_PX = 24
_FONT_PX = 12
_DASH_PX = 5
_LONGEST_NAME = 20
_BEYOND_PX = 20


class _Text(NamedTuple):
    place: tuple[int, int]
    text: str
    colour: str


def frame_picture(events: NDArray[np.uint8], findings: Findings, class_names: tuple[str, ...]) -> bytes:
    """Draw a whole frame as PNG.

    Args:
        events: Counts of falling and rising light, `(2, height, width)`.
        findings: Labels and detections, in pixels of the frame.
        class_names: One name a class id.
    """
    long_side = max(events.shape[1:])
    reduction = max(1, round(long_side / LONG_SIDE_PX))
    enlargement = max(1, round(LONG_SIDE_PX / long_side))
    image = _enlarged(_reduced(events, reduction), enlargement)
    return _with_boxes(image, findings, class_names, (0, 0), enlargement / reduction)


def object_picture(events: NDArray[np.uint8], findings: Findings, class_names: tuple[str, ...], label: int) -> bytes:
    """Draw the surroundings of one label as PNG, enlarged by a whole number.

    Args:
        events: Counts of falling and rising light, `(2, height, width)`.
        findings: Labels and detections, in pixels of the frame.
        class_names: One name a class id.
        label: Number of the label.
    """
    x, y, w, h = (float(findings.labels[label][name]) for name in ("x", "y", "w", "h"))
    height, width = events.shape[1:]
    side = ceil(min(max(_LEAST_WINDOW_PX, _SURROUNDINGS * max(w, h)), height, width))
    left = round(min(max(0, x + w / 2 - side / 2), width - side))
    top = round(min(max(0, y + h / 2 - side / 2), height - side))
    enlargement = max(1, _ZOOM_PX // side)
    image = _enlarged(events[:, top : top + side, left : left + side], enlargement)
    return _with_boxes(image, findings, class_names, (left, top), enlargement, label)


def _reduced(events: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Counts of squares of pixels; no event is lost, so that small objects stay visible."""
    _, height, width = events.shape
    padded = np.pad(events, ((0, 0), (0, -height % factor), (0, -width % factor)))
    squares = padded.reshape(2, padded.shape[1] // factor, factor, padded.shape[2] // factor, factor)
    counts: NDArray[np.uint8] = np.minimum(squares.sum(axis=(2, 4)), 255).astype(np.uint8)
    return counts


def _enlarged(events: NDArray[np.uint8], factor: int) -> Image.Image:
    colours = event_colours(events)
    return Image.fromarray(np.ascontiguousarray(colours.repeat(factor, axis=0).repeat(factor, axis=1)))


def _with_boxes(
    image: Image.Image,
    findings: Findings,
    class_names: tuple[str, ...],
    origin: tuple[int, int],
    scale: float,
    about: int | None = None,
) -> bytes:
    """Draw the boxes on a picture whose upper left corner is `origin` in the frame, and encode it.

    Where the picture is about one label, only that one and what was detected there get texts.
    """
    draw = ImageDraw.Draw(image)
    missed: list[_Text] = []
    named: list[_Text] = []
    detected: list[_Text] = []
    for number, (box, found) in enumerate(zip(findings.labels, findings.found, strict=True)):
        corners = _corners(box, origin, scale, image.size, margin=2)
        draw.rectangle(corners, outline=LABEL_COLOUR, width=2)
        if about in (None, number):
            name = _name(class_names, box)
            written = _Text((corners[0], corners[3] + 1), name if found else f"{name}, missed", LABEL_COLOUR)
            (named if found else missed).append(written)
    right_first = np.argsort(~findings.right, kind="stable")
    for box, right in zip(findings.detections[right_first], findings.right[right_first], strict=True):
        corners = _corners(box, origin, scale, image.size, margin=0)
        _dashed(draw, corners)
        if not right:
            draw.line(corners, fill=DETECTION_COLOUR, width=1)
        if about is None or _touch(box, findings.labels[about]):
            score = f"{_name(class_names, box)} {box['class_confidence']:.2f}"
            detected.append(_Text((corners[0], corners[1] - _FONT_PX - 4), score, DETECTION_COLOUR))
    _write(draw, image.size, [*missed, *detected, *named])
    file = BytesIO()
    image.quantize(palette=_palette(), dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def _write(draw: ImageDraw.ImageDraw, size: tuple[int, int], texts: list[_Text]) -> None:
    """Write texts inside of the picture, without those that would cover an earlier one."""
    font = ImageFont.load_default(_FONT_PX)
    written: list[tuple[float, float, float, float]] = []
    for (x, y), text, colour in texts:
        left, top, right, bottom = draw.textbbox((x, y), text, font=font)
        if right < 0 or left > size[0] or bottom < -_FONT_PX or top > size[1] + _FONT_PX:
            continue
        place = (max(0, min(x, size[0] - (right - left))), max(0, min(y, size[1] - _FONT_PX - 3)))
        left, top, right, bottom = draw.textbbox(place, text, font=font)
        if not any(
            left < other_right and right > other_left and top < other_bottom and bottom > other_top
            for other_left, other_top, other_right, other_bottom in written
        ):
            draw.text(place, text, fill=colour, font=font, stroke_width=1, stroke_fill=BACKGROUND)
            written.append((left, top, right, bottom))


def _touch(box: NDArray[np.void], other: NDArray[np.void]) -> bool:
    return all(
        box[begin] < other[begin] + other[size] and other[begin] < box[begin] + box[size]
        for begin, size in (("x", "w"), ("y", "h"))
    )


def _corners(
    box: NDArray[np.void], origin: tuple[int, int], scale: float, size: tuple[int, int], *, margin: int
) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in pixels of the picture, at least a pixel apart, and hardly beyond its edges."""
    corners = []
    for end in (0, 1):
        for axis, (begin, length) in enumerate((("x", "w"), ("y", "h"))):
            start = (float(box[begin]) - origin[axis]) * scale
            place = start + end * max(1.0, float(box[length]) * scale)
            corners.append(round(min(max(place, -_BEYOND_PX), size[axis] + _BEYOND_PX)) + (margin if end else -margin))
    left, top, right, bottom = corners
    return left, top, right, bottom


def _dashed(draw: ImageDraw.ImageDraw, corners: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = corners
    for start in range(left, right, 2 * _DASH_PX):
        end = min(start + _DASH_PX, right)
        draw.line((start, top, end, top), fill=DETECTION_COLOUR, width=2)
        draw.line((start, bottom, end, bottom), fill=DETECTION_COLOUR, width=2)
    for start in range(top, bottom, 2 * _DASH_PX):
        end = min(start + _DASH_PX, bottom)
        draw.line((left, start, left, end), fill=DETECTION_COLOUR, width=2)
        draw.line((right, start, right, end), fill=DETECTION_COLOUR, width=2)


def _name(class_names: tuple[str, ...], box: NDArray[np.void]) -> str:
    """A class's name as the font can write it."""
    name = class_names[box["class_id"]]
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in name)[:_LONGEST_NAME]


def _palette() -> Image.Image:
    """The colours of events by strength and direction, and those of boxes with their text's edges; 250 in all."""
    background = np.array(BACKGROUND)
    shares = np.linspace(0, 1, 7)[:, None]
    hues = shares * np.array(RISING_LIGHT) + (1 - shares) * np.array(FALLING_LIGHT)
    shades = [background + strength * (hues - background) for strength in np.linspace(0, 1, 32)]
    of_boxes = [np.array(bytearray.fromhex(colour[1:])) for colour in (LABEL_COLOUR, DETECTION_COLOUR)]
    shades += [
        background + strength * (colour - background)[None]
        for colour in of_boxes
        for strength in np.linspace(0.2, 1, 13)
    ]
    image = Image.new("P", (1, 1))
    image.putpalette(np.concatenate(shades).round().astype(np.uint8).tobytes())
    return image
