"""The end of a run whose process is gone without having journaled one."""

from pathlib import Path

from trainable.tracking.entries import RunStatus, journaled_status
from trainable.tracking.journal import JOURNAL_NAME, Journal, JournalReader, now_ms


def settle(directory: Path, status: RunStatus, reason: str) -> bool:
    """Journal how a run ended, where its own process could not.

    A journal has one writer: call it when the run's process is known to be gone. A run that is resumed afterwards runs
    again.

    Args:
        directory: the run's folder.
        status: FINISHED, FAILED after an error, or KILLED for a run stopped on purpose before its end.
        reason: why it ended.

    Returns:
        Whether the status was appended: false where the run has journaled its end, or never began a journal.

    Raises:
        TrackingError: where the journal cannot be read.
        OSError: where the disk refuses.
    """
    if not (directory / JOURNAL_NAME).exists():
        return False
    entries = JournalReader(directory).read()
    if journaled_status(entries) != "RUNNING":
        return False
    journal = Journal(directory)
    try:
        # Not older than the run's own entries, whose machine may have had another clock.
        journal.status(status, reason, time_ms=max(now_ms(), *(entry.time_ms + 1 for entry in entries)))
    finally:
        journal.close()
    return True
