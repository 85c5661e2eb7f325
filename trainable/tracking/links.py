"""Addresses of a tracking server: the default one, without its credentials, and the pages that a user opens."""

import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from trainable.errors import TrackingError
from trainable.own_programs import own_program

_CREDENTIALS = re.compile(r"([A-Za-z][\w+.-]*://)[^/\s]*@")
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
TRAINING_VIEW = "workflowType=machine_learning"
"""Without it MLflow 3.17 shows language-model traces, and no runs, in a browser that has not chosen otherwise."""


def default_uri(runs_root: Path) -> str:
    """The SQLite database that all runs below `runs_root` share."""
    return f"sqlite:///{runs_root.resolve() / 'mlflow.db'}"


def resolve_uri(uri: str) -> str:
    """The address with a relative SQLite path made absolute, so that it means the same in every process.

    Args:
        uri: `http(s)://…`, or a database (`sqlite:///…`, `postgresql://…`, `mysql://…`, `mssql://…`).

    Returns:
        The address, credentials included.

    Raises:
        TrackingError: for an address that MLflow cannot write to, such as a folder.
    """
    scheme, separator, rest = uri.partition("://")
    dialect = scheme.partition("+")[0]
    if not separator or dialect not in ("http", "https", *_DATABASES):
        raise TrackingError(
            f"`tracking.uri` must be http(s)://HOST or a database such as sqlite:///runs/mlflow.db, got "
            f"{without_credentials(uri)!r} (MLflow no longer writes to plain folders). Change `tracking.uri`, or set "
            "`tracking.enabled=false`."
        )
    if dialect == "sqlite":
        return f"{scheme}:///{Path(rest.removeprefix('/')).absolute()}"
    return uri.rstrip("/")


def without_credentials(text: str) -> str:
    """Text, such as an address or an error message, with `user:password@` removed from every address in it."""
    return _CREDENTIALS.sub(r"\1", text)


def public_uri(uri: str) -> str:
    """The address as it may be stored: without user, password and query (which may hold them too)."""
    public = without_credentials(uri)
    if sqlite_path(public) is not None:
        return public  # a path, with whatever characters
    parts = urlsplit(public)
    return urlunsplit(parts._replace(query="", fragment="")) if parts.netloc else public.partition("?")[0]


def sqlite_path(uri: str) -> Path | None:
    """The database file of a resolved SQLite address; None for any other address."""
    scheme, _, rest = uri.partition("://")
    return Path(rest.removeprefix("/")) if scheme.partition("+")[0] == "sqlite" else None


def experiment_page(uri: str, experiment_id: str) -> str:
    """Where to see an experiment's runs, in the view that shows training runs."""
    return _page(uri, f"#/experiments/{experiment_id}/runs?{TRAINING_VIEW}")


def run_page(uri: str, experiment_id: str, mlflow_run_id: str) -> str:
    """Where to see one run: an address for a server, for a database the command that opens it and then the address."""
    return _page(uri, f"#/experiments/{experiment_id}/runs/{mlflow_run_id}?{TRAINING_VIEW}")


def run_directions(uri: str, experiment_id: str, mlflow_run_id: str) -> tuple[str, ...]:
    """How to look at one run, as lines for the user: one for a server, two for a database, which needs a server."""
    command, address = command_and_address(uri, f"#/experiments/{experiment_id}/runs/{mlflow_run_id}?{TRAINING_VIEW}")
    if command is None:
        return (f"The run is at {address}",)
    return (f"To look at the run, start: {command}", f"and open: {address}")


def _page(uri: str, fragment: str) -> str:
    command, address = command_and_address(uri, fragment)
    return address if command is None else f"{command}, then {address}"


def command_and_address(uri: str, fragment: str) -> tuple[str | None, str]:
    """What starts a server for a database (None where the address is a server's), and the page on that server."""
    public = public_uri(uri).rstrip("/")
    if public.startswith("http"):
        return None, f"{public}/{fragment}"
    program = shlex.quote(own_program("mlflow"))
    return f"{program} server --backend-store-uri {public}", f"http://127.0.0.1:5000/{fragment}"
