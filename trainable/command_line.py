"""What the command lines of this project share: their output, the end of a command, and files that a user names."""

import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.logging import RichHandler

from trainable.errors import ConfigError, EvsweepError
from trainable.files import written_whole

output = Console()
diagnostics = Console(stderr=True)


def new_app(name: str) -> typer.Typer:
    """A command line without commands yet."""
    return typer.Typer(
        name=name, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
    )


def run_app(app: typer.Typer) -> NoReturn:
    """Run a command; a user's mistake is a message and exit code 2, and so is a file that cannot be used."""
    logging.basicConfig(
        level=logging.INFO,
        format="%(message)s" if diagnostics.is_terminal else "%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        handlers=[RichHandler(console=diagnostics, show_path=False)] if diagnostics.is_terminal else None,
    )
    try:
        app()
    except EvsweepError as error:
        _fail(str(error))
    except OSError as error:
        if error.filename is None:
            raise
        _fail(f"cannot read or write {error.filename}: {error.strerror}; check the path and its permissions")
    sys.exit(0)


@contextmanager
def interrupts_exit() -> Iterator[None]:
    """End with the exit code that a shell expects after Ctrl-C, whatever was raised on the way out."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        if isinstance(stop, KeyboardInterrupt) or isinstance(stop.__context__, KeyboardInterrupt):
            sys.exit(128 + signal.SIGINT)
        raise


def print_line(console: Console, line: str) -> None:
    """Print a line as it is, without colours and line breaks, so that it can be copied whole."""
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def print_path(what: str, path: object) -> None:
    """Print where something is, in one line that can be copied whole."""
    print_line(output, f"{what}: {path}")


def check_writable(flag: str, path: Path) -> None:
    """Refuse, before the work is done, a file that its results could not be written to.

    Raises:
        ConfigError: Naming `flag`, as the user typed it.
    """
    folder = path.absolute().parent
    if path.is_dir():
        raise ConfigError(f"{flag}{path} is a folder; name a file")
    if not folder.is_dir():
        raise ConfigError(f"{flag}{path}: the folder {folder} does not exist; make it, or choose another file")
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"{flag}{path}: nothing can be written to the folder {folder}; choose another file")


def write_text(path: Path, content: str) -> None:
    """Write a file that a user named, whole or not at all.

    Raises:
        ConfigError: If the disk refuses.
    """
    try:
        with written_whole(path) as draft:
            draft.write_text(content)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error.strerror}); choose another file") from error


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a file that a user named, as JSON."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def _fail(message: str) -> NoReturn:
    diagnostics.print(f"error: {message}", style="red", highlight=False, markup=False, soft_wrap=True)
    sys.exit(2)
