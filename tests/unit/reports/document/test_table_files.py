"""Tables as files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from reports.document.blocks import Column, Table
from reports.document.table_files import write_table


def written(data: pd.DataFrame, folder: Path) -> tuple[bytes, bytes]:
    """CSV and Parquet."""
    folder.mkdir(exist_ok=True)
    write_table(Table("t", "t", data, (Column("a", "A"),), shown_rows=1), folder)
    return (folder / "t.csv").read_bytes(), (folder / "t.parquet").read_bytes()


def test_numbers_read_back_exactly_from_both_files(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random(200) ** 30 * 1e9
    data = pd.DataFrame({"a": [*values, np.nan, 1 / 3]})
    written(data, tmp_path)
    read = pd.read_csv(tmp_path / "t.csv")
    pd.testing.assert_frame_equal(read, data, check_exact=True)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), data, check_exact=True)


def test_csv_is_utf_8_with_line_feeds_and_empty_missing_values(tmp_path: Path) -> None:
    data = pd.DataFrame({"a": ["é", None, 'b,"c"\nd'], "n": [1.0, np.nan, 0.1]})
    csv, _ = written(data, tmp_path)
    assert csv == 'a,n\né,1.0\n,\n"b,""c""\nd",0.1\n'.encode()


def test_the_same_data_gives_the_same_bytes(tmp_path: Path) -> None:
    data = pd.DataFrame({"a": ["x", "y"], "n": [1.5, np.nan]})
    assert written(data, tmp_path / "one") == written(data.copy(), tmp_path / "other")


def test_a_column_that_mixes_types_and_a_text_that_utf_8_cannot_hold_are_written_as_text(tmp_path: Path) -> None:
    data = pd.DataFrame(
        {"a": pd.Series([1, "x", None, 2.5], dtype=object), "b": pd.Series(["\ud800", "", None, "y"], dtype=object)}
    )
    written(data, tmp_path)
    read = pd.read_parquet(tmp_path / "t.parquet")
    assert read["a"].tolist()[:2] == ["1", "x"]
    assert read["b"].tolist()[0] == "\\ud800"
    assert read["a"].isna().tolist() == [False, False, True, False]


def test_parquet_keeps_the_types_and_no_trace_of_what_wrote_it(tmp_path: Path) -> None:
    data = pd.DataFrame({"i": [1, 2], "b": [True, False], "o": pd.Series([1, None], dtype=object)})
    written(data, tmp_path)
    schema = parquet.read_schema(tmp_path / "t.parquet")
    assert [str(kind) for kind in schema.types][:2] == ["int64", "bool"]
    assert schema.metadata is None


@pytest.mark.parametrize("columns", [[], ["a", "b"]])
def test_a_table_without_rows_is_written(tmp_path: Path, columns: list[str]) -> None:
    csv, _ = written(pd.DataFrame(columns=columns), tmp_path)
    assert csv.decode().strip() == ",".join(columns)
