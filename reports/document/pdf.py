"""A page as PDF, printed by an installed Chromium or Chrome."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from trainable.errors import ReportError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

_TIMEOUT_S = 180.0


def find_browser() -> str:
    """Find a browser that prints.

    Raises:
        ReportError: When none is on the search path.
    """
    for name in BROWSERS:
        path = shutil.which(name)
        if path is not None:
            return path
    raise ReportError(
        f"a report as PDF is printed by Chromium or Chrome, but none of {', '.join(BROWSERS)} is on PATH; "
        "install one (Debian, Ubuntu: apt-get install chromium), or leave out --pdf and print the page from a browser"
    )


def print_page(browser: str, page: Path, pdf: Path) -> None:
    """Print a page to PDF as soon as it is loaded; in print, its charts are stills, which wait for no script.

    Args:
        browser: Path of a Chromium or Chrome.
        page: An HTML file.
        pdf: The file to write.

    Raises:
        ReportError: When the browser fails, or has not finished after three minutes.
    """
    with tempfile.TemporaryDirectory(prefix="evsweep-browser-", ignore_cleanup_errors=True) as profile:
        command = [
            browser,
            "--headless",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),  # which root cannot have
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            f"--user-data-dir={profile}",
            "--no-pdf-header-footer",
            f"--print-to-pdf={pdf.absolute()}",
            page.absolute().as_uri(),
        ]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        ) as process:
            try:
                _, said = process.communicate(timeout=_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                raise ReportError(
                    f"{browser} has not printed the report within {_TIMEOUT_S:.0f} s; "
                    "leave out --pdf and print report.html from a browser"
                ) from None
            finally:
                _end_group(process)
    if process.returncode != 0 or not pdf.is_file():
        last = said.decode("utf-8", "replace").strip().splitlines()[-3:]
        raise ReportError(
            f"{browser} ended with status {process.returncode} instead of printing the report: {' / '.join(last)}; "
            "leave out --pdf and print report.html from a browser"
        )


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """End what the browser has started and left running."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
