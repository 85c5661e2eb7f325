"""Values as they are typed in an override, so that composing reads back the same value."""

import re
from collections.abc import Mapping, Sequence

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_WORDS = frozenset({"null", "true", "false", "nan", "inf"})


def override_text(value: object) -> str:
    """Write a value of JSON types in the grammar of overrides; not yet quoted for a shell.

    Args:
        value: `None`, a boolean, number or text, or a list or a mapping of plain words to such values.
    """
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else _quoted(value)
        case Mapping():
            return "{" + ",".join(f"{key}:{override_text(item)}" for key, item in value.items()) + "}"
        case Sequence():
            return "[" + ",".join(map(override_text, value)) + "]"
        case _:
            raise TypeError(f"expected a value of JSON types, got {type(value).__name__}")


def _quoted(text: str) -> str:
    r"""Quoted text, in which a backslash counts as itself except before a quote or the end, where it is doubled."""
    doubled = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text)
    return f"'{doubled}'"
