"""Charts to draw."""

from collections.abc import Callable

import pytest

from reports.charts.chart import Axis, Chart, Series

HOSTILE = '<script>alert(1)</script> <b>b</b> <a href="https://x.y">l</a> $x^$ %{x} &amp; | ` \u202e'


@pytest.fixture(scope="session")
def hostile() -> str:
    """What somebody may name a run who means no good."""
    return HOSTILE


@pytest.fixture(scope="session")
def make_chart() -> Callable[..., Chart]:
    """Makes a chart of some series, on axes that can be replaced."""

    def make(*series: Series, **options: object) -> Chart:
        axes = {"x": Axis("steps"), "y": Axis("AP [%]")}
        return Chart("chart", "A chart [%]", "It rises from 1 to 2.", series=series, **(axes | options))  # type: ignore[arg-type]

    return make
