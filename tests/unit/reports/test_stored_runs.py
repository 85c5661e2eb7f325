from math import inf, nan

from hypothesis import given
from hypothesis import strategies as st

from reports.stored_runs import Point, curves_of

NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([nan, inf, -inf, 1.7976931348623157e308]))
POINTS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(-2, 3), st.integers(0, 2), NUMBERS), max_size=30
)


@given(POINTS)
def test_of_each_step_the_newest_defined_value_counts(points: list[Point]) -> None:
    expected: dict[tuple[str, str], dict[int, tuple[int, float]]] = {}
    for run, metric, step, time_ms, value in points:
        if abs(value) <= 3:
            by_step = expected.setdefault((run, metric), {})
            by_step[step] = max(by_step.get(step, (-1, 0.0)), (time_ms, value))
    curves = curves_of(points)
    found = {
        (run, metric): dict(zip(curve.steps.tolist(), curve.values.tolist(), strict=True))
        for run, by_metric in curves.items()
        for metric, curve in by_metric.items()
    }
    assert found == {key: {step: value for step, (_, value) in by_step.items()} for key, by_step in expected.items()}
    for by_metric in curves.values():
        for curve in by_metric.values():
            assert curve.steps.tolist() == sorted(set(curve.steps.tolist()))
