"""Texts that somebody else wrote, made fit to be shown: nothing is hidden, endless, or reorders its neighbours."""

import re

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"

_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Control characters but tab and line feed, what reorders the text around it, and what no file in UTF-8 can hold."""


def visible(text: str) -> str:
    """Replace characters that cannot be seen or that would change how their surroundings are read by their code."""
    return _UNSHOWABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text.replace("\r\n", "\n"))


def in_one_line(text: str) -> str:
    """Make it `visible`, with every run of white space, line ends too, replaced by a space."""
    return " ".join(visible(text).split())


def clipped(text: str, length: int) -> str:
    """Make it visible in one line of at most `length` characters; an ellipsis shows where something was cut off."""
    line = in_one_line(text)
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"
