"""Names and values as MLflow accepts them, and nested parameters as dotted names.

The journal keeps every name as it was given; these functions are applied when it is published.
"""

import json
import re
from collections.abc import Mapping
from zlib import crc32

from trainable.dotted_names import flat

MAX_NAME_LENGTH = 250
MAX_PARAMETER_LENGTH = 6000
MAX_TAG_LENGTH = 8000

_FORBIDDEN = re.compile(r"[^/\w.\- :]")


def mlflow_name(name: str) -> str:
    """A metric, parameter or tag name that MLflow accepts.

    MLflow allows letters, digits, `_`, `-`, `.`, space, `:` and `/`, at most 250 characters, and no name that changes
    when read as a path (`a//b`, `/a`, `../a`) or begins with `..`. A name within these rules is returned as it is. In
    any other, forbidden characters become `_` (one goes before `..`) and the original's CRC-32 is appended, so that two
    names never become one.

    Args:
        name: any text.

    Returns:
        The name to use on the server.
    """
    parts = _FORBIDDEN.sub("_", name).split("/")
    cleaned = "/".join(part for part in parts if part not in ("", ".", ".."))
    if cleaned.startswith(".."):
        cleaned = f"_{cleaned}"
    if cleaned == name and 0 < len(name) <= MAX_NAME_LENGTH:
        return name
    return f"{cleaned[: MAX_NAME_LENGTH - 9]}_{crc32(name.encode()):08x}"


def shortened(value: str, limit: int) -> str:
    """The value, cut to `limit` characters with a final `…` where it is longer; the journal keeps it whole."""
    return value if len(value) <= limit else value[: limit - 1] + "…"


def flattened(parameters: Mapping[str, object]) -> dict[str, str]:
    """Nested mappings as dotted names; text as it is, everything else as JSON (`true`, `null`, `[2, 3, 4]`).

    Args:
        parameters: names to plain values, sequences or further mappings.

    Returns:
        Dotted name to text, in the order given.
    """
    return {
        name: value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
        for name, value in flat(parameters).items()
    }
