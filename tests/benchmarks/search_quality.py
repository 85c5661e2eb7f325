"""How many training steps a sweep needs, on recorded learning curves: TPE and ASHA against random search, and ASHA by
several objectives against ASHA by one of them.

Run as `python tests/benchmarks/search_quality.py [SEEDS]`; some minutes of one CPU core for 30 seeds. The curves in
`data/learning_curves.csv` are real trainings, see `learning_curves.py`. Between the points of their grid, curves are
interpolated. The cluster is simulated: workers of equal speed, on which the real `SweepStudy` proposes, stops and
ranks trials. A figure is a median over seeds with its quartiles. It belongs to this table: another one gives others.
"""

import csv
import heapq
import itertools
import json
import math
import statistics
import sys
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from search_spaces.objectives import HEADLINE_METRICS, parse_objectives
from search_spaces.ranking import hypervolume
from search_spaces.space import Json, Space
from sweep.rungs import rung_steps
from sweep.settings import SearchName
from sweep.study import SweepStudy
from trainable.config import Config, compose

TABLE = Path(__file__).parent / "data" / "learning_curves.csv"
SEEDS = 30
WORKERS = 4
REDUCTION_FACTOR = 4
"""A sweep's default."""
RANDOM_TRIALS = (32, 64)
"""Trials of random search, all at full budget; 32 are a sweep's default."""
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Studies are synced to their disk at each report."""
FULL_TRAININGS = (4, 8, 16, 32)
"""Budgets at which Pareto fronts are compared."""

PAIRS = (("AP_S", "AP"), ("AP_S", "AP_L"))
"""A sweep's default objectives, and two that hardly rise together."""
SEARCHES: tuple[SearchName, ...] = ("random", "tpe")

Curve = dict[int, dict[str, float]]


@dataclass(frozen=True)
class Table:
    """The recorded curves.

    Attributes:
        levels: Dotted configuration key to the rising values of the grid.
        steps: Rising steps of the validations.
        metrics: Names of the metrics.
        values: `(values of the first key, of the second, ..., steps, metrics)`.
    """

    levels: dict[str, list[float]]
    steps: tuple[int, ...]
    metrics: tuple[str, ...]
    values: np.ndarray

    @property
    def max_steps(self) -> int:
        return self.steps[-1]

    def at(self, step: int, metric: str) -> list[float]:
        """The metric of each recorded training after some steps."""
        return list(self.values[..., self.steps.index(step), self.metrics.index(metric)].ravel())

    def final(self, metric: str) -> list[float]:
        return self.at(self.max_steps, metric)

    def curve(self, parameters: Mapping[str, Json]) -> Curve:
        """The curve at a point, linear between the recorded ones along the logarithm of each parameter."""
        values = self.values
        for key, levels in self.levels.items():
            place = np.interp(math.log(parameters[key]), np.log(levels), np.arange(len(levels)))
            below = min(int(place), len(levels) - 2)
            values = (1 - place + below) * values[below] + (place - below) * values[below + 1]
        return {
            step: dict(zip(self.metrics, map(float, row), strict=True))
            for step, row in zip(self.steps, values, strict=True)
        }

    def space(self) -> Space:
        dimensions = {}
        for key, levels in self.levels.items():
            kind = "int" if all(isinstance(level, int) for level in levels) else "float"
            dimensions[key] = {kind: [levels[0], levels[-1]], "log": True}
        fixed = {"model.head.size_aware_loss": True}
        return Space.from_dict(
            {"name": "recorded", "description": "recorded curves", "fixed": fixed, "dimensions": dimensions}
        )


@cache
def base_configuration(max_steps: int) -> Config:
    return compose(["dataset=demo", "dataset.path=none", "+experiment=demo", f"training.max_steps={max_steps}"])


def read_table() -> Table:
    with TABLE.open(newline="") as file:
        header, *lines = csv.reader(line for line in file if not line.startswith("#"))
    rows = [[json.loads(text) for text in line] for line in lines]
    place = header.index("step")
    *axes, steps = (sorted({row[column] for row in rows}) for column in range(place + 1))
    by_point = {tuple(row[: place + 1]): row[place + 1 :] for row in rows}
    grid = [by_point[point] for point in itertools.product(*axes, steps)]
    shape = [*map(len, axes), len(steps), len(header) - place - 1]
    levels = dict(zip(header[:place], axes, strict=True))
    return Table(levels, tuple(steps), tuple(header[place + 1 :]), np.array(grid).reshape(shape))


@dataclass(frozen=True)
class Result:
    """A trial that ended at full budget, and the steps of all trials until then."""

    spent: int
    metrics: Mapping[str, float]


class Simulation:
    """Workers of equal speed, which train the trials of one study from the recorded curves."""

    def __init__(
        self, table: Table, *, objectives: Sequence[str], search: SearchName, early_stopping: bool, seed: int
    ) -> None:
        self._table = table
        self._options = {
            "name": "search",
            "space": table.space(),
            "base": base_configuration(table.max_steps),
            "objectives": parse_objectives(objectives),
            "search": search,
            "rungs": default_rungs(table) if early_stopping else (),
            "reduction_factor": REDUCTION_FACTOR,
            "seed": seed,
        }

    def run(self) -> Iterator[Result]:
        """The trials at full budget in the order in which they end, without end."""
        interval = self._table.steps[0]
        training: dict[int, tuple[int, Curve, int]] = {}  # by worker: trial, its curve, its steps so far
        clock = [(0, worker) for worker in range(WORKERS)]
        spent = 0
        with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
            study = SweepStudy(Path(folder) / "study.jsonl", **self._options)
            while True:
                now, worker = heapq.heappop(clock)
                if worker in training:
                    index, curve, before = training.pop(worker)
                    step, spent = before + interval, spent + interval
                    metrics = dict.fromkeys(HEADLINE_METRICS, math.nan) | curve[step]
                    if step == self._table.max_steps:
                        study.complete(index, step, metrics)
                        yield Result(spent, metrics)
                    elif study.report(index, step, metrics) == "STOP":
                        study.prune(index)
                    else:
                        training[worker] = (index, curve, step)
                if worker not in training:
                    proposal = study.ask()
                    training[worker] = (proposal.index, self._table.curve(proposal.parameters), 0)
                heapq.heappush(clock, (now + interval, worker))


def default_rungs(table: Table) -> tuple[int, ...]:
    """The rungs of a sweep that is told nothing about them."""
    return rung_steps(
        table.max_steps,
        grace_steps=table.max_steps // 10,
        reduction_factor=REDUCTION_FACTOR,
        validation_interval=table.steps[0],
    )


def until(results: Iterator[Result], spent: int) -> Iterator[Result]:
    """The results of the first `spent` steps."""
    return itertools.takewhile(lambda result: result.spent <= spent, results)


def report(line: str = "") -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Median, and quartiles in brackets."""
    low, middle, high = (f"{value:.{digits}f}" for value in quartiles(values))
    return f"{middle} [{low}, {high}]"


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Quartiles that stand values which are infinite."""
    ordered = sorted(values)
    return tuple(ordered[round(share * (len(ordered) - 1))] for share in (0.25, 0.5, 0.75))


def describe_table(table: Table) -> None:
    report(f"{len(table.final('AP'))} recorded trainings of {table.max_steps} steps")
    for key, levels in table.levels.items():
        report(f"  {key}: {', '.join(map(str, levels))}")
    for metric in ("AP", "AP_S"):
        final = table.final(metric)
        agreement = ", ".join(
            f"{spearman(table.at(step, metric), final):.2f} at step {step}" for step in table.steps[:-1]
        )
        report(f"{metric}: {min(final):.3f} to {max(final):.3f}; rank correlation with the final value {agreement}")
    report(f"rank correlation of final AP_S with final AP: {spearman(table.final('AP_S'), table.final('AP')):.2f}")
    report(f"rungs at {', '.join(map(str, default_rungs(table)))} steps, {WORKERS} workers")


def compare_searches(table: Table, seeds: int) -> None:
    """Steps until each search has a trial at full budget that is as good as the best of random search."""
    searches: dict[str, tuple[SearchName, bool]] = {
        "TPE with ASHA": ("tpe", True),
        "random with ASHA": ("random", True),
        "TPE": ("tpe", False),
        "random": ("random", False),
    }
    most = max(RANDOM_TRIALS)
    shares = {(name, trials): [] for name in searches for trials in RANDOM_TRIALS}
    best: dict[int, list[float]] = {trials: [] for trials in RANDOM_TRIALS}
    for seed in range(seeds):
        baseline = Simulation(table, objectives=["AP"], search="random", early_stopping=False, seed=1_000_000 + seed)
        found = [result.metrics["AP"] for result in until(baseline.run(), most * table.max_steps)]
        targets = {trials: max(found[:trials]) for trials in RANDOM_TRIALS}
        for trials, target in targets.items():
            best[trials].append(target)
        for name, (search, early_stopping) in searches.items():
            simulation = Simulation(table, objectives=["AP"], search=search, early_stopping=early_stopping, seed=seed)
            reached = steps_to_reach(until(simulation.run(), most * table.max_steps), targets)
            for trials in RANDOM_TRIALS:
                shares[name, trials].append(reached[trials] / (trials * table.max_steps))
    for trials in RANDOM_TRIALS:
        report()
        report(f"random search, {trials} trials at full budget, {trials * table.max_steps} steps: ")
        report(f"  best AP {spread(best[trials])}; share of its steps until another search is as good:")
        for name in searches:
            share = shares[name, trials]
            missed = sum(map(math.isinf, share))
            report(f"  {name:18} {spread(share)}" + (f", never in {missed} of {seeds} seeds" if missed else ""))
        middle = statistics.median(shares["TPE with ASHA", trials])
        report(f"  TPE with ASHA needs at most a fifth (median): {'holds' if middle <= 0.2 else 'DOES NOT HOLD'}")


def steps_to_reach(results: Iterator[Result], targets: Mapping[int, float]) -> dict[int, float]:
    """Steps until the first result that is at least as good as each target; infinite where there is none."""
    reached = dict.fromkeys(targets, math.inf)
    for result in results:
        for name, target in targets.items():
            if math.isinf(reached[name]) and result.metrics["AP"] >= target:
                reached[name] = result.spent
        if not any(map(math.isinf, reached.values())):
            break
    return reached


def compare_objectives(table: Table, seeds: int) -> None:
    """Hypervolume of two objectives at equal steps, by what ASHA and the search algorithm are given to maximise."""
    for pair, search in itertools.product(PAIRS, SEARCHES):
        report()
        correlation = spearman(*map(table.final, pair))
        report(
            f"{search} with ASHA: share of the whole table's hypervolume of {' and '.join(pair)}, "
            f"whose rank correlation is {correlation:.2f}"
        )
        choices = (pair, pair[:1], pair[1:])
        volumes = {choice: hypervolumes(table, pair, choice, search, seeds) for choice in choices}
        for trainings in FULL_TRAININGS:
            report(f"  after {trainings * table.max_steps} steps, as {trainings} full trainings:")
            for choice in choices:
                report(f"    by {' and '.join(choice):13} {spread(volumes[choice][trainings])}")
            for single in choices[1:]:
                pairs = zip(volumes[pair][trainings], volumes[single][trainings], strict=True)
                gains = [both - alone for both, alone in pairs]
                wins, losses = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
                report(
                    f"    both against {single[0]:4} alone: {statistics.mean(gains):+.4f} on average, "
                    f"more in {wins} and less in {losses} of {seeds} seeds"
                )


def hypervolumes(
    table: Table, pair: Sequence[str], objectives: Sequence[str], search: SearchName, seeds: int
) -> dict[int, list[float]]:
    """By the number of full trainings that would take as many steps: the share that each seed has found by then."""
    whole = hypervolume(list(zip(*map(table.final, pair), strict=True)), (0.0, 0.0))
    volumes: dict[int, list[float]] = {trainings: [] for trainings in FULL_TRAININGS}
    for seed in range(seeds):
        simulation = Simulation(table, objectives=objectives, search=search, early_stopping=True, seed=seed)
        results = list(until(simulation.run(), max(FULL_TRAININGS) * table.max_steps))
        for trainings in FULL_TRAININGS:
            done = [result for result in results if result.spent <= trainings * table.max_steps]
            found = [tuple(result.metrics[name] for name in pair) for result in done]
            volumes[trainings].append(hypervolume(found, (0.0, 0.0)) / whole)
    return volumes


def spearman(left: Sequence[float], right: Sequence[float]) -> float:
    """Rank correlation; equal values share the mean of their ranks."""
    return statistics.correlation(ranked(left), ranked(right))


def ranked(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return [(bisect_left(ordered, value) + bisect_right(ordered, value)) / 2 for value in values]


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    table = read_table()
    describe_table(table)
    compare_searches(table, seeds)
    compare_objectives(table, seeds)


if __name__ == "__main__":
    main()
