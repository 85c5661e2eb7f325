from pathlib import Path

import pytest

from trainable.data import preprocessed_as
from trainable.data.preprocess_recording import PreprocessSettings
from trainable.data.preprocessed_folder import SETTINGS_FILE, claim_folder
from trainable.errors import DataError


def test_a_folder_names_the_dataset_whose_rules_its_labels_follow(tmp_path: Path) -> None:
    claim_folder(tmp_path, PreprocessSettings("demo", "sparse", downsample_by_factor_2=True, drop_bad_boxes=False))
    assert preprocessed_as(tmp_path) == "demo"


def test_a_folder_that_another_program_wrote_names_no_dataset(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    assert preprocessed_as(tmp_path) is None


@pytest.mark.parametrize("content", ["{", "[1]", "{}", '{"dataset": 3}'])
def test_damaged_settings_are_named(content: str, tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text(content)
    with pytest.raises(DataError, match=r"preprocessing\.json.*; use another folder"):
        preprocessed_as(tmp_path)
