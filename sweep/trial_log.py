"""Everything that a trial's process says, in a file in the trial's folder."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOG_NAME = "trial.log"

_SHOWN = ("sweep", "trainable")


@contextmanager
def trial_log(directory: Path) -> Iterator[None]:
    """Write log lines and warnings to `trial.log` in a run's folder, after those of earlier processes.

    Args:
        directory: The run's folder.
    """
    handler = logging.FileHandler(directory / LOG_NAME)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in (*_SHOWN, "pytorch_lightning")}
    for name in _SHOWN:
        logging.getLogger(name).setLevel(logging.INFO)
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    root.addHandler(handler)
    logging.captureWarnings(True)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"pytorch_lightning\..*")  # meant for its own developers
            warnings.filterwarnings("ignore", message="This DataLoader will create")
            yield
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        handler.close()
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
