"""The error of search spaces."""

from collections.abc import Sequence

from trainable.errors import ConfigError


class SpaceError(ConfigError):
    """A search space, or a point of one, that cannot be used.

    Args:
        mistakes: Everything that is wrong, one entry each.
        heading: What is wrong as a whole, such as `the search space FILE cannot be used`.

    Attributes:
        mistakes: The entries alone.
    """

    def __init__(self, mistakes: Sequence[str], heading: str = "") -> None:
        self.mistakes = tuple(mistakes)
        self.heading = heading
        text = "\n".join(f"  - {mistake}" for mistake in self.mistakes) if heading else "\n".join(self.mistakes)
        super().__init__(f"{heading}:\n{text}" if heading else text)

    def __reduce__(self) -> tuple[type["SpaceError"], tuple[tuple[str, ...], str]]:
        return SpaceError, (self.mistakes, self.heading)
