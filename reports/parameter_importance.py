"""Which parameters the best trials differ from the others in, and whether chance alone could look like that."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, nan

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from reports.search_study import complete_trials

LEAST_TRIALS = 8
"""With fewer, the best ones are too few to differ from the others in anything but chance."""
SHUFFLES = 19
"""What exceeds all of so many results of pure chance is one of chance in 5 % of cases at most."""

_LEAST_BEST = 5
_BEST_SHARE = 0.1


@dataclass(frozen=True)
class Importance:
    """What a parameter means for one objective.

    Attributes:
        parameter: Its name in the study.
        share: Of the importance of all parameters, 0 to 1; NaN where no trial is better than another.
        trials: Number of trials in which it is active.
        above_chance: Whether its importance exceeds that under each of `SHUFFLES` shuffles of the results.
    """

    parameter: str
    share: float
    trials: int
    above_chance: bool


def best_trials(num_trials: int) -> int:
    """How many of the trials count as the best: a tenth, at least five, never more than half."""
    return max(1, min(max(_LEAST_BEST, ceil(_BEST_SHARE * num_trials)), num_trials // 2))


def importances(study: optuna.Study, objective: int, *, seed: int = 0) -> tuple[Importance, ...]:
    """The importance of each parameter for one objective, the most important first.

    A parameter counts where it is active only. Complete trials alone are read.

    Args:
        study: The study; its objectives are maximised.
        objective: Number of the objective.
        seed: Of the shuffles.

    Returns:
        Empty where fewer than `LEAST_TRIALS` trials are complete, or none has a parameter.

    Source: PED-ANOVA (Watanabe et al. 2023) with conditional parameters, as Optuna computes it.
    """
    trials = complete_trials(study)
    parameters = sorted({name for trial in trials for name in trial.params})
    if len(trials) < LEAST_TRIALS or not parameters:
        return ()
    values = np.array([trial.values[objective] for trial in trials])
    numbers = [trial.number for trial in trials]
    measured = _divergences(study, parameters, numbers, values)
    random = np.random.default_rng(seed)
    by_chance = np.max(
        [_divergences(study, parameters, numbers, random.permutation(values)) for _ in range(SHUFFLES)], axis=0
    )
    total = measured.sum()
    shares = measured / total if total > 0 else np.full(len(parameters), nan)
    found = [
        Importance(name, float(share), sum(name in trial.params for trial in trials), bool(own > chance))
        for name, share, own, chance in zip(parameters, shares, measured, by_chance, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: (-np.nan_to_num(one.share), one.parameter)))


def _divergences(
    study: optuna.Study,
    parameters: list[str],
    numbers: Sequence[int],
    values: NDArray[np.float64],
) -> NDArray[np.float64]:
    """How far the best trials' parameters are from those of all, `(parameters,)`, with `values` as the results."""
    by_number = dict(zip(numbers, values.tolist(), strict=True))
    if len(set(by_number.values())) == 1:
        return np.zeros(len(parameters))
    evaluator = PedAnovaImportanceEvaluator(target_quantile=best_trials(len(numbers)) / len(numbers))
    with warnings.catch_warnings():
        # Optuna recalls that lower targets are better here, and that parameters with few values are hard to judge.
        warnings.simplefilter("ignore")
        found = get_param_importances(
            study,
            evaluator=evaluator,
            params=parameters,
            target=lambda trial: -by_number[trial.number],
            normalize=False,
        )
    return np.array([found[name] for name in parameters])
