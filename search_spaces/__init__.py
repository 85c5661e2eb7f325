"""Search spaces: which configuration keys a sweep varies, in which range."""

from search_spaces.checking import check_space
from search_spaces.errors import SpaceError
from search_spaces.json_values import Json
from search_spaces.loading import load_space, shipped_spaces
from search_spaces.space import Space

__all__ = ["Json", "Space", "SpaceError", "check_space", "load_space", "shipped_spaces"]
