"""Optuna's own drawings of a study: the objectives along each parameter, and over weight and threshold together."""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from reports.charts.study_chart import StudyChart
from reports.document.blocks import Block, Paragraph
from reports.search_study import complete_trials, study_of
from reports.wording import counted, listed, percent
from search_spaces import Space

if TYPE_CHECKING:
    from matplotlib.figure import Figure as PrintedFigure
    from plotly.graph_objects import Figure as PageFigure

SLICES_A_CHART = 3
"""More beside each other cannot be read on a page."""
LEAST_IN_CONTOUR = 6
"""Fewer points make no surface."""
MOST_IN_CONTOUR = 120
"""Optuna's contour holds a cell for each pair of values, which would make a page of many trials large."""

_WEIGHT, _THRESHOLD = "model.head.size_aware_weight", "model.head.small_threshold"
_Draw = Callable[[], object]


def study_drawings(
    study: optuna.Study, objectives: Sequence[str], space: Space, names: Mapping[str, str], when: str
) -> Iterator[Block]:
    """Slices along all parameters and the contour over size-aware weight and small threshold, for each objective.

    Args:
        study: Its complete trials are drawn, its parameters have short names.
        objectives: The objectives' metrics in the study's order.
        space: What is varied.
        names: Each parameter's short name.
        when: When the results are those of, such as `at the end of training`.
    """
    trials = complete_trials(study)
    if len(trials) < 2:
        yield Paragraph(f"Fewer than two trials have results {when}, so that no slices are drawn.")
        return
    drawn = [name for name in names.values() if any(name in trial.params for trial in trials)]
    stage = _stem(when.partition(",")[0])
    for number, objective in enumerate(objectives):
        for start in range(0, len(drawn), SLICES_A_CHART):
            shown = drawn[start : start + SLICES_A_CHART]
            yield StudyChart(
                name=f"slices_{_stem(objective)}_{stage}_{start // SLICES_A_CHART + 1}",
                title=f"{objective} [%] {when} along {listed(shown)}",
                alternative=_best_in_words(trials, objective, number, shown),
                for_page=partial(_slice_for_page, study, shown, number, objective),
                for_print=partial(_slice_for_print, study, shown, number, objective),
            )
    yield from _contours(study, objectives, space, names, when)


def _contours(
    study: optuna.Study, objectives: Sequence[str], space: Space, names: Mapping[str, str], when: str
) -> Iterator[Block]:
    if not {_WEIGHT, _THRESHOLD} <= {dimension.key for dimension in space.dimensions}:
        return
    pair = [names[_WEIGHT], names[_THRESHOLD]]
    trials = [trial for trial in complete_trials(study) if all(name in trial.params for name in pair)]
    if len(trials) < LEAST_IN_CONTOUR or any(len({trial.params[name] for trial in trials}) < 2 for name in pair):
        yield Paragraph(
            f"A contour over {listed(pair)} needs {LEAST_IN_CONTOUR} trials with at least two values of each; {counted(len(trials), 'trial')} with "
            f"both can be compared {when}, so that none is drawn."
        )
        return
    for number, objective in enumerate(objectives):
        shown = _spread_by_rank(trials, number)
        thinned = "" if len(shown) == len(trials) else f", {len(shown)} of {len(trials)} trials, evenly by rank"
        drawn = study_of(len(objectives), shown)
        yield StudyChart(
            name=f"contour_{_stem(objective)}_{_stem(when.partition(',')[0])}",
            title=f"{objective} [%] {when} over {listed(pair)}{thinned}",
            alternative=_best_in_words(shown, objective, number, pair),
            for_page=partial(_contour_for_page, drawn, pair, number, objective),
            for_print=partial(_contour_for_print, drawn, pair, number, objective),
        )


def _spread_by_rank(trials: Sequence[FrozenTrial], objective: int) -> list[FrozenTrial]:
    """So many trials as a contour may have, the best, the worst and what lies between at equal distances in rank."""
    ranked = sorted(trials, key=lambda trial: (-trial.values[objective], trial.number))
    places = np.unique(np.linspace(0, len(ranked) - 1, min(len(ranked), MOST_IN_CONTOUR)).round().astype(int))
    return [ranked[place] for place in places]


def _best_in_words(trials: Sequence[FrozenTrial], objective: str, number: int, names: Sequence[str]) -> str:
    ordered = sorted(trials, key=lambda trial: (-trial.values[number], trial.number))
    best, middle = ordered[0], float(np.median([trial.values[number] for trial in trials]))
    at = ", ".join(f"{name} = {_shown(best.params[name])}" for name in names if name in best.params)
    return (
        f"{objective} of {counted(len(trials), 'trial')} lies from {percent(ordered[-1].values[number])} to "
        f"{percent(best.values[number])}, the median at {percent(middle)}. The best "
        + (f"has {at}." if at else "has none of these parameters.")
    )


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _percent(number: int) -> Callable[[FrozenTrial], float]:
    return lambda trial: 100 * float(trial.values[number])


def _slice_for_page(study: optuna.Study, names: list[str], number: int, objective: str) -> "PageFigure":
    return optuna.visualization.plot_slice(study, names, target=_percent(number), target_name=f"{objective} [%]")


def _contour_for_page(study: optuna.Study, names: list[str], number: int, objective: str) -> "PageFigure":
    return optuna.visualization.plot_contour(study, names, target=_percent(number), target_name=f"{objective} [%]")


def _slice_for_print(study: optuna.Study, names: list[str], number: int, objective: str) -> "PrintedFigure":
    draw = optuna.visualization.matplotlib.plot_slice
    return _printed(partial(draw, study, names, target=_percent(number), target_name=f"{objective} [%]"))


def _contour_for_print(study: optuna.Study, names: list[str], number: int, objective: str) -> "PrintedFigure":
    draw = optuna.visualization.matplotlib.plot_contour
    return _printed(partial(draw, study, names, target=_percent(number), target_name=f"{objective} [%]"))


def _printed(draw: _Draw) -> "PrintedFigure":
    """Take Optuna's figure out of pyplot's keeping, and undo the style that it sets for everything drawn later."""
    from matplotlib import pyplot

    with pyplot.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        axes = np.atleast_1d(np.asarray(draw(), dtype=object))[0]
    figure: PrintedFigure = axes.figure
    pyplot.close(figure)
    return figure


def _stem(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
