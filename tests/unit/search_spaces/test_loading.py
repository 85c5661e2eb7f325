"""Spaces by name and from files."""

from pathlib import Path

import pytest

from search_spaces import SpaceError, load_space, shipped_spaces

SPACE = """
name: mine
description: One key.
dimensions:
  training.learning_rate: {float: [1e-5, 1E-2], log: true}
"""


def test_a_file_is_loaded_and_its_exponents_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SPACE)
    space = load_space(str(path))
    assert space.name == "mine"
    assert space.source == str(path)
    assert space.dimensions[0].to_dict() == {"float": [1e-5, 1e-2], "log": True}


def test_an_unknown_name_comes_with_the_nearest_one() -> None:
    with pytest.raises(SpaceError, match=r"got `size_awre`, which is neither; did you mean `size_aware`\?"):
        load_space("size_awre")


def test_a_mistake_in_a_file_is_named_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SPACE.replace("log", "lgo"))
    with pytest.raises(SpaceError) as raised:
        load_space(str(path))
    assert str(path) in str(raised.value)
    assert "`training.learning_rate`: `lgo` is not a key of a dimension; did you mean `log`?" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SPACE + "  training.learning_rate: {float: [1, 2]}\n", "the key `training.learning_rate` stands here twice"),
        ("a: [", "cannot be read"),
        ("a: \x00", "cannot be read"),
        ("", "expected a mapping with the keys"),
    ],
)
def test_a_file_that_is_no_space_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(SpaceError, match="mine") as raised:
        load_space(str(path))
    assert message in str(raised.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x80")
    with pytest.raises(SpaceError, match="cannot be read"):
        load_space(str(path))


def test_a_folder_is_no_space(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="which is neither"):
        load_space(str(tmp_path))


def test_the_promised_spaces_are_shipped() -> None:
    assert set(shipped_spaces()) >= {"size_aware", "size_aware_patch", "size_aware_terms", "optimizer", "demo"}
