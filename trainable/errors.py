"""Errors that a user can act on.

Every message says what was expected, what came, where it came from, and what to do next. The command line prints
the message without a traceback and exits with code 2.
"""


class EvsweepError(Exception):
    """Base of every error whose cause lies in what the user gave: arguments, files, or a machine's limits."""


class ConfigError(EvsweepError):
    """A configuration that cannot be used; one message lists every mistake in it."""


class DataError(EvsweepError):
    """A recording, label file or preprocessed sequence that cannot be used as it is."""


class DiskFullError(DataError):
    """A disk without room for what a run must write."""


class CheckpointError(EvsweepError):
    """A checkpoint that cannot be read, or that belongs to another architecture."""


class TrainingError(EvsweepError):
    """A training run that cannot go on, such as one whose loss became NaN."""


class OutOfMemoryError(TrainingError):
    """A training step that does not fit into the device's memory."""


class TrackingError(EvsweepError):
    """A run's journal that cannot be read, or a tracking server that refused it."""


class TrackingServerError(TrackingError):
    """A tracking server that cannot be reached, or is not able to take any run."""


class SweepError(EvsweepError):
    """A sweep that cannot be planned, started, found or gone on with."""


class ReportError(EvsweepError):
    """A report that cannot be written where it should be, or in a form that this machine has no program for."""
