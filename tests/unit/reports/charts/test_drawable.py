"""Charts made ready to be drawn."""

from collections.abc import Callable

import numpy as np
import pytest

from reports.charts.chart import Axis, Chart, Series
from reports.charts.drawable import drawable

Make = Callable[..., Chart]


def test_numbers_that_an_axis_cannot_show_become_gaps(make_chart: Make) -> None:
    chart = drawable(make_chart(Series("a", [0, 1, 10, np.inf], [1, np.inf, 2, 3]), x=Axis("area", log=True)))
    np.testing.assert_array_equal(chart.series[0].x, [np.nan, 1, 10, np.nan])
    np.testing.assert_array_equal(chart.series[0].y, [np.nan, np.nan, 2, np.nan])


@pytest.mark.parametrize("values", [[], [np.nan], [np.inf, -np.inf]])
def test_a_chart_without_a_finite_point_is_empty(make_chart: Make, values: list[float]) -> None:
    assert drawable(make_chart(Series("a", list(range(len(values))), values))).empty
    assert drawable(make_chart()).empty


def test_categories_are_places_even_where_two_names_look_alike(make_chart: Make) -> None:
    names = ("n" * 500 + "a", "n" * 500 + "b")
    chart = drawable(make_chart(Series("s", names[::-1], [1, 2]), x=Axis("class", categories=names)))
    np.testing.assert_array_equal(chart.series[0].x, [1, 0])


def test_names_become_categories_in_their_order_where_the_axis_has_none(make_chart: Make) -> None:
    chart = drawable(make_chart(Series("s", ["b", "a"], [1, 2]), Series("t", ["c", "a"], [1, 2])))
    assert chart.x.categories == ("b", "a", "c")


def test_an_interval_needs_both_ends(make_chart: Make) -> None:
    series = Series("s", [1, 2, 3, 4], [1, 2, 3, 4], low=[0, np.nan, 2, 3], high=[2, 3, 4, 5])
    drawn = drawable(make_chart(series)).series[0]
    assert drawn.pieces() == [slice(0, 1), slice(2, 4)]
    assert drawn.high is not None
    np.testing.assert_array_equal(np.isnan(drawn.high), [False, True, False, False])


def test_limits_that_an_axis_cannot_have_are_left_to_the_data(make_chart: Make) -> None:
    assert drawable(make_chart(x=Axis("area", log=True, limits=(0, 10)))).x.limits is None
    assert drawable(make_chart(x=Axis("area", log=True, limits=(1, 10)))).x.limits == (1, 10)
    assert drawable(make_chart(y=Axis("AP", limits=(0, np.nan)))).y.limits is None


def test_bars_of_two_names_stand_side_by_side_around_their_place(make_chart: Make) -> None:
    chart = drawable(make_chart(*(Series(name, ["c", "d"], [1, 2], kind="bars") for name in "ab")))
    (begin, middle), (also_middle, end) = (chart.bar_edges(series) for series in chart.series)
    np.testing.assert_allclose(middle, also_middle)
    np.testing.assert_allclose(middle, [0, 1], atol=1e-12)
    assert (end - begin < 1).all()


def test_bars_on_a_logarithmic_axis_are_equally_wide_on_it(make_chart: Make) -> None:
    series = Series("a", [16.0, 32.0, 64.0], [1, 2, 3], kind="bars")
    chart = drawable(make_chart(series, x=Axis("area", log=True)))
    begin, end = chart.bar_edges(chart.series[0])
    np.testing.assert_allclose(end / begin, (end / begin)[0])
    np.testing.assert_allclose(np.sqrt(begin * end), series.x)


@pytest.mark.parametrize(
    ("series", "options", "message"),
    [
        (Series("s", [1, 2], [1]), {}, "not as many numbers"),
        (Series("s", [1], [1], low=[1, 2], high=[1]), {}, "not as many numbers"),
        (Series("s", [1], [1], labels=("a", "b")), {}, "2 labels, not 1"),
        (Series("s", [1], [1], right=True), {}, "axis on the right, but there is none"),
        (Series("s", ["z"], [1]), {"x": Axis("class", categories=("a",))}, "'z' is none of the x axis's categories"),
    ],
)
def test_a_mistake_in_a_chart_is_named(
    make_chart: Make, series: Series, options: dict[str, Axis], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        drawable(make_chart(series, **options))
