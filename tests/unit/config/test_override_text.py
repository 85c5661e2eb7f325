"""Values written as overrides."""

from hypothesis import given, settings
from hypothesis import strategies as st

from trainable.config import compose
from trainable.config.override_text import override_text

AWKWARD_PATHS = ["my data (1)", "it's", "a,b", "[1]", "back\\slash", "ends with \\", "\\'", "null", "1e5", "a=b", "a:b"]


@settings(max_examples=40)
@given(
    st.sampled_from(AWKWARD_PATHS) | st.text(st.characters(codec="ascii", exclude_characters="$?\0\n\r"), min_size=1)
)
def test_a_text_reaches_the_configuration_as_it_is(path: str) -> None:
    config = compose(["dataset=demo", "+experiment=demo", f"dataset.path={override_text(path)}"])
    assert config.dataset.path == path


def test_numbers_lists_and_nothing_reach_the_configuration_as_they_are() -> None:
    values = {
        "training.learning_rate": 1.2345678901234567e-05,
        "training.precision": "16",
        "model.fpn.in_stages": [1, 2, 3, 4],
        "model.head.small_threshold": "q0.33",
        "model.head.size_aware_terms": ["iou", "obj"],
        "model.head.size_aware_loss": True,
        "hardware.gpus": None,
        "dataset.class_names": ["a person", "bike"],
        "dataset.small_object_classes": [],
        "model.fpn.compile.args": {"mode": "reduce-overhead", "dynamic": False},
    }
    written = [f"{key}={override_text(value)}" for key, value in values.items()]
    plain = compose(["dataset=demo", "dataset.path=x", "+experiment=demo"]).merged(values)
    assert compose(["dataset=demo", "dataset.path=x", "+experiment=demo", *written]) == plain
