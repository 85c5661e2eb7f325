"""The key that a user may have meant."""

from collections.abc import Iterable
from difflib import SequenceMatcher


def nearest_key(typed: str, keys: Iterable[str]) -> str:
    """Find the key that is most like a mistyped one.

    An equal last part, or a section of that name, counts most; then how alike the sections and the last parts are.

    Args:
        typed: A dotted key that does not exist, such as `training.lr`.
        keys: The dotted keys that exist; at least one.
    """
    section, _, leaf = typed.rpartition(".")

    def likeness(key: str) -> tuple[bool, float]:
        own_section, _, own_leaf = key.rpartition(".")
        alike = _likeness(leaf, own_leaf) + (_likeness(section, own_section) if section else 0)
        return leaf in key.split("."), alike

    return max(keys, key=likeness)


def _likeness(typed: str, name: str) -> float:
    """From 0 to 1, which is reached by the name itself, by a word of it, and by its initials: `lr`, `learning_rate`."""
    words = name.split("_")
    if typed in words or typed == "".join(word[:1] for word in words):
        return 1.0
    return SequenceMatcher(a=typed, b=name, autojunk=False).ratio()
