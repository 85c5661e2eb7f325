"""How the programs of this environment are called from the user's shell."""

import shutil
import sys
from pathlib import Path


def own_program(name: str) -> str:
    """What to type for a program of this environment: its name, or its path where the name calls another or none.

    Args:
        name: Such as `python`; a program that this environment lacks is named as it is.
    """
    own = Path(sys.executable).parent / name
    found = shutil.which(name)
    if not own.exists() or (found is not None and Path(found).parent.resolve() == own.parent.resolve()):
        return name
    return str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own)
