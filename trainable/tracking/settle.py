"""The end of a run as its sweep knows it, where the run's own process could not journal it or knows less."""

from pathlib import Path

from trainable.tracking.entries import RunStatus, StatusEntry, journaled_status
from trainable.tracking.journal import JOURNAL_NAME, Journal, JournalReader, end_of, now_ms


def settle(directory: Path, status: RunStatus, reason: str) -> bool:
    """Journal how a run ended, where its own process could not, or why it was killed, which that does not always know.

    A journal has one writer: call it when the run's process is known to be gone. A run that is resumed afterwards runs
    again.

    Args:
        directory: the run's folder.
        status: FINISHED, FAILED after an error, or KILLED for a run stopped on purpose before its end.
        reason: why it ended.

    Returns:
        Whether the status was appended: false where the run has journaled another end or this very one, or never
        began a journal.

    Raises:
        TrackingError: where the journal cannot be read.
        OSError: where the disk refuses.
    """
    if not (directory / JOURNAL_NAME).exists():
        return False
    end = end_of(directory)
    if end is not None and not _is_explained(end, status, reason):
        return False
    entries = JournalReader(directory).read()
    if end is None and journaled_status(entries) != "RUNNING":
        return False
    journal = Journal(directory)
    try:
        # Not older than the run's own entries, whose machine may have had another clock.
        journal.status(status, reason, time_ms=max(now_ms(), *(entry.time_ms + 1 for entry in entries)))
    finally:
        journal.close()
    return True


def _is_explained(end: StatusEntry, status: RunStatus, reason: str) -> bool:
    """Whether it is now known why a run was killed."""
    return end.status == status == "KILLED" and reason not in ("", end.reason)
