"""Where a report is read from and where it is written to, unless the user says otherwise."""

import os
import re
from hashlib import sha256
from pathlib import Path

from reports.plain_text import in_one_line
from trainable.errors import ConfigError
from trainable.tracking.links import default_uri, sqlite_path

STORAGE = Path("sweeps")
"""Where `python -m sweep` keeps sweeps by default."""
ADDRESS_VARIABLE = "MLFLOW_TRACKING_URI"

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def tracking_address(given: str | None) -> str:
    """The tracking server's address: what was given, else `MLFLOW_TRACKING_URI`, else the database in `sweeps`.

    Args:
        given: What the user typed.

    Raises:
        ConfigError: If there is none of these, or it is a database's file that does not exist.
    """
    address = given or os.environ.get(ADDRESS_VARIABLE) or None
    if address is None:
        default = default_uri(STORAGE)
        file = sqlite_path(default)
        if file is None or not file.is_file():
            raise ConfigError(
                f"no tracking server is given, and there is no {STORAGE / 'mlflow.db'} here; give --tracking-uri, such "
                f"as sqlite:///sweeps/mlflow.db or http://HOST:5000, or set {ADDRESS_VARIABLE}"
            )
        return default
    file = sqlite_path(address)
    if file is not None and not file.is_file():
        raise ConfigError(
            f"there is no database {file}; give --tracking-uri, the address that the sweep was published to"
        )
    return address


def default_folder(name: str, suffix: str = "report") -> Path:
    """A folder's name in the current folder for a report, whatever a sweep may be called.

    Args:
        name: The sweep's name, as it stands on a server that others write to too.
        suffix: Put behind it.
    """
    if _SAFE.fullmatch(name):
        return Path(f"{name}-{suffix}")
    letters = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._-")[:60] or "unnamed"
    return Path(f"{letters}-{sha256(name.encode(errors='surrogatepass')).hexdigest()[:8]}-{suffix}")


def check_folder(out: Path) -> None:
    """Refuse, before the work is done, a folder that a report cannot be written to.

    Raises:
        ConfigError: If it is a file, or lies in something that cannot be written to.
    """
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {in_one_line(str(out))} is a file; name a folder")
    existing = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise ConfigError(f"--out {in_one_line(str(out))}: nothing can be written to {existing}; name another folder")
