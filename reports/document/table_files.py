"""Tables as files: CSV for every program, Parquet with exact types."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from reports.document.blocks import Table


def write_table(table: Table, folder: Path) -> None:
    """Write all of a table's data, as it is, to `NAME.csv` and `NAME.parquet`; the same data gives the same bytes.

    CSV is UTF-8 with line feeds; numbers read back exactly, missing values are empty. A column of Parquet that mixes
    types holds text.

    Args:
        table: The table.
        folder: An existing folder.

    Raises:
        OSError: When a file cannot be written.
    """
    data = table.data.apply(_writable)
    data.to_csv(folder / f"{table.name}.csv", index=False, lineterminator="\n", encoding="utf-8")
    columns = pa.Table.from_pandas(data, preserve_index=False).replace_schema_metadata(None)
    parquet.write_table(columns, folder / f"{table.name}.parquet")


def _writable(column: pd.Series) -> pd.Series:
    """Of a column of arbitrary objects, make one of texts, unless all are whole numbers, numbers or booleans."""
    if not (pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)):
        return column
    kinds = {type(value) for value in column.dropna()}
    if kinds and (kinds <= {int, float} or kinds == {bool}):
        return column
    return column.map(lambda value: _encodable(str(value)), na_action="ignore")


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
