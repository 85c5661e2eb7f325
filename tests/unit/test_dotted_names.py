from trainable.dotted_names import flat


def test_nested_mappings_get_dotted_names_in_order() -> None:
    nested = {"b": {"x": 1, "a": {"y": [2, 3]}}, "a": None}
    assert list(flat(nested).items()) == [("b.x", 1), ("b.a.y", [2, 3]), ("a", None)]


def test_an_empty_mapping_is_not_lost() -> None:
    assert flat({"a": {}, "b": {"c": {}}}) == {"a": {}, "b.c": {}}
