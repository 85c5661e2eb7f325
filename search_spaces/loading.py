"""Loading a space by its name or from a file."""

from pathlib import Path

import yaml

from search_spaces.errors import SpaceError
from search_spaces.space import Space
from search_spaces.strict_yaml import parse_yaml
from trainable.config.nearest_key import nearest_key

_FOLDER = Path(__file__).parent


def shipped_spaces() -> tuple[str, ...]:
    """The names of the spaces that come with the program."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def load_space(name_or_path: str) -> Space:
    """Load a space.

    Args:
        name_or_path: The name of a shipped space, or the path of a YAML file.

    Raises:
        SpaceError: If there is no such space or file, or it is not a space; every mistake in one message.
    """
    if name_or_path in shipped_spaces():
        path = _FOLDER / f"{name_or_path}.yaml"
    else:
        path = Path(name_or_path).expanduser()
        if not path.is_file():
            nearest = nearest_key(path.stem, shipped_spaces())
            raise SpaceError(
                [
                    f"the search space must be one of {', '.join(shipped_spaces())}, or a YAML file; got "
                    f"`{name_or_path}`, which is neither; did you mean `{nearest}`?"
                ]
            )
    try:
        values = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SpaceError([" ".join(str(error).split())], f"the search space {path} cannot be read") from error
    return Space.from_dict(values, str(path))
