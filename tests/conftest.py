"""Fixtures that every test may use."""

from pathlib import Path

import pytest

SHARED_DIR = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with golden numbers and real recordings, beside the repository; skips where it is absent."""
    if not SHARED_DIR.is_dir():
        pytest.skip(f"needs the golden numbers and recordings in {SHARED_DIR}, which is not there")
    return SHARED_DIR
