"""Optuna's own drawings of a study: the objectives along each parameter, and over weight and threshold together."""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from reports.charts.study_chart import StudyChart
from reports.document.blocks import Block, Paragraph
from reports.search_study import INDEX, complete_trials, study_of
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
MOST_TRIALS = 10_000
"""Beyond, trials are not given their numbers in the sweep: no sweep has so many, but a tag may say so."""

_WEIGHT, _THRESHOLD = "model.head.size_aware_weight", "model.head.small_threshold"


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
        in_percent = _percent_of(trials, number)
        for start in range(0, len(drawn), SLICES_A_CHART):
            shown = drawn[start : start + SLICES_A_CHART]
            yield StudyChart(
                name=f"slices_{_stem(objective)}_{stage}_{start // SLICES_A_CHART + 1}",
                title=f"{objective} [%] {when} along {listed(shown)}",
                alternative=_best_in_words(trials, objective, number, shown),
                for_page=partial(_slice_for_page, in_percent, shown, f"{objective} [%]"),
                for_print=partial(_slice_for_print, in_percent, shown, f"{objective} [%]"),
            )
    yield from _contours(study, objectives, space, names, when)


def _contours(
    study: optuna.Study, objectives: Sequence[str], space: Space, names: Mapping[str, str], when: str
) -> Iterator[Block]:
    if not {_WEIGHT, _THRESHOLD} <= {dimension.key for dimension in space.dimensions}:
        return
    pair = [names[_WEIGHT], names[_THRESHOLD]]
    trials = [trial for trial in complete_trials(study) if all(name in trial.params for name in pair)]
    points = {tuple(trial.params[name] for name in pair) for trial in trials}
    if len(points) < LEAST_IN_CONTOUR or any(len(set(values)) < 2 for values in zip(*points, strict=True)):
        there = f"there {'is' if len(points) == 1 else 'are'} {len(points)}"
        yield Paragraph(
            f"A contour over {listed(pair)} needs {LEAST_IN_CONTOUR} different points, with two values of each; "
            f"{there} {when}, so that none is drawn."
        )
        return
    for number, objective in enumerate(objectives):
        shown = _spread_by_rank(trials, number)
        thinned = "" if len(shown) == len(trials) else f", {len(shown)} of {len(trials)} trials, evenly by rank"
        in_percent = _percent_of(shown, number)
        yield StudyChart(
            name=f"contour_{_stem(objective)}_{_stem(when.partition(',')[0])}",
            title=f"{objective} [%] {when} over {listed(pair)}{thinned}",
            alternative=_best_in_words(shown, objective, number, pair),
            for_page=partial(_contour_for_page, in_percent, pair, f"{objective} [%]"),
            for_print=partial(_contour_for_print, in_percent, pair, f"{objective} [%]"),
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


def _percent_of(trials: Sequence[FrozenTrial], number: int) -> optuna.Study:
    """A study of one objective alone, in percent: Optuna's colours then tell which end is better."""
    made = [
        create_trial(
            value=100 * trial.values[number],
            params=trial.params,
            distributions=trial.distributions,
            constraints=trial.constraints,
        )
        for trial in trials
    ]
    return study_of(1, _numbered(made, [trial.user_attrs.get(INDEX) for trial in trials]))


def _numbered(trials: Sequence[FrozenTrial], indices: Sequence[int | None]) -> Sequence[FrozenTrial]:
    """Trials at the places of their numbers in the sweep, which is how Optuna names them; failed ones fill the gaps."""
    by_index = {index: trial for index, trial in zip(indices, trials, strict=True) if index is not None}
    if len(by_index) < len(trials) or max(by_index) >= MOST_TRIALS:
        return trials
    return [by_index.get(index) or create_trial(state=TrialState.FAIL) for index in range(max(by_index) + 1)]


def _slice_for_page(study: optuna.Study, names: list[str], target_name: str) -> "PageFigure":
    return optuna.visualization.plot_slice(study, names, target_name=target_name)


def _contour_for_page(study: optuna.Study, names: list[str], target_name: str) -> "PageFigure":
    return optuna.visualization.plot_contour(study, names, target_name=target_name)


def _slice_for_print(study: optuna.Study, names: list[str], target_name: str) -> "PrintedFigure":
    return _printed(lambda: optuna.visualization.matplotlib.plot_slice(study, names, target_name=target_name))


def _contour_for_print(study: optuna.Study, names: list[str], target_name: str) -> "PrintedFigure":
    return _printed(lambda: optuna.visualization.matplotlib.plot_contour(study, names, target_name=target_name))


def _printed(draw: Callable[[], object]) -> "PrintedFigure":
    """Take Optuna's figure out of pyplot's keeping, and undo the style that it sets for everything drawn later."""
    from matplotlib import pyplot
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    with pyplot.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        axes = np.atleast_1d(np.asarray(draw(), dtype=object))[0]
    figure: PrintedFigure = axes.figure
    pyplot.close(figure)
    for one in figure.axes:
        for axis, scale in ((one.xaxis, one.get_xscale()), (one.yaxis, one.get_yscale())):
            if scale == "log":
                axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axis.set_major_formatter(StrMethodFormatter("{x:g}"))
                axis.set_minor_formatter(NullFormatter())
    return figure


def _stem(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
