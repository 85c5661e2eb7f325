"""Where two runs were configured differently."""

import pandas as pd

from reports.document.blocks import Column, Table
from reports.runs import Run
from trainable.config.train_overrides import BOOKKEEPING

KEY, REFERENCE, CANDIDATE = "key", "reference", "candidate"


def parameter_differences(reference: Run, candidate: Run) -> pd.DataFrame:
    """The parameters that are not the same, but for those that only say where a run is recorded.

    Args:
        reference: One run.
        candidate: The other run.

    Returns:
        Columns `key`, `reference` and `candidate`, `None` where a run lacks a parameter; sorted by key.
    """
    mine, others = reference.parameters, candidate.parameters
    keys = sorted((mine.keys() | others.keys()) - set(BOOKKEEPING))
    rows = [(key, mine.get(key), others.get(key)) for key in keys if mine.get(key) != others.get(key)]
    return pd.DataFrame(rows, columns=[KEY, REFERENCE, CANDIDATE], dtype=object)


def differences_table(name: str, title: str, names: tuple[str, str], differences: pd.DataFrame) -> Table:
    """The differences for a document.

    Args:
        name: Stem of its files.
        title: Above the table.
        names: Of the reference and of the candidate.
        differences: As from `parameter_differences`.
    """
    headings = (Column(KEY, "Parameter"), Column(REFERENCE, names[0]), Column(CANDIDATE, names[1]))
    return Table(name, title, differences, headings, shown_rows=200)
