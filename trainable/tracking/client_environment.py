"""Environment of a process that talks to MLflow: short, few attempts, no usage reports, no chatter in the log.

MLflow's own defaults hold a call to a dead server for 246 s. Here a call fails at once and the publisher tries again
later. What the user has set is kept; credentials come from MLflow's `MLFLOW_TRACKING_USERNAME`,
`MLFLOW_TRACKING_PASSWORD` and `MLFLOW_TRACKING_TOKEN`.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

URI_VARIABLE = "EVSWEEP_TRACKING_URI"
"""Hands the address with its credentials to the publishing process: a command line is visible to other users."""

_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


@contextmanager
def client_environment() -> Iterator[None]:
    """Set what the user has not set, and take it back afterwards. MLflow is to be imported inside."""
    added = {name: value for name, value in _DEFAULTS.items() if name not in os.environ}
    os.environ.update(added)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it reports its plugins on import, then every migration
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
