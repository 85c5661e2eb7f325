"""What a run makes besides its results is never worth the run."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


@contextmanager
def by_product(what: str) -> Iterator[None]:
    """Log whatever goes wrong inside, and go on.

    Args:
        what: What is made, in the plural.
    """
    try:
        yield
    except Exception as error:  # of any kind: a figure must not end a training of days
        logger.warning("the %s cannot be made (%s: %s); the training goes on", what, type(error).__name__, error)
