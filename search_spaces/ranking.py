"""Order among results with several objectives: fronts, feasibility, and coverage inside a front."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def ranks(values: Sequence[Sequence[float]], violations: Sequence[float] | None = None) -> list[int]:
    """Rank results, 0 for the best; results that are alike share a rank.

    Results that keep the constraints come first, by non-dominated fronts; then the others, the smallest violation
    first; last those with an objective that is not finite, all alike. Inside a front, the result that is best in the
    first objective leads, and each next one is the farthest from those before it, so that any number of leading
    results covers the front. With one objective this is its order.

    Args:
        values: For each result its objectives, all maximised.
        violations: For each result the sum by which it breaks constraints, zero or less where it breaks none; default
            no constraint.

    Returns:
        For each result the number of results that are before it. The order of the results does not matter.

    Source: fronts as in NSGA-II (Deb et al. 2002) with Deb's rule for constraints (2000); coverage by an epsilon net as
    in multi-objective ASHA (Schmucker et al. 2021, arXiv 2106.12639). Deviations: distances are measured after scaling
    each objective to its range among the results of the same violation, equal results share a rank, and equally far
    ones follow the order of objectives, so that the ranks are the same whatever order the results come in.
    """
    table = _table(values, violations)
    result = np.full(len(table), 0, dtype=np.int64)
    defined = np.isfinite(table[:, 1:]).all(axis=1)
    result[~defined] = defined.sum()
    if defined.any():
        distinct, kind, copies = np.unique(table[defined], axis=0, return_inverse=True, return_counts=True)
        order = np.fromiter(_order(distinct), dtype=np.int64, count=len(distinct))
        before = np.empty(len(distinct), dtype=np.int64)
        before[order] = np.cumsum(copies[order]) - copies[order]
        result[defined] = before[kind.reshape(-1)]
    return [int(rank) for rank in result]


def pareto_front(values: Sequence[Sequence[float]], violations: Sequence[float] | None = None) -> list[int]:
    """Indices of the results that keep all constraints and that no other such result dominates, in rising order.

    Args:
        values: For each result its objectives, all maximised; a result with one that is not finite is left out.
        violations: For each result the sum by which it breaks constraints; default no constraint.
    """
    table = _table(values, violations)
    candidates = np.flatnonzero(np.isfinite(table[:, 1:]).all(axis=1) & (table[:, 0] == 0))
    beaten = _dominates(table[candidates, 1:]).any(axis=0)
    return [int(index) for index in candidates[~beaten]]


def hypervolume(values: Sequence[Sequence[float]], reference: Sequence[float]) -> float:
    """Volume between a reference point and the results that exceed it in every objective, exact.

    Args:
        values: For each result its objectives, all maximised.
        reference: A value for each objective; what does not exceed it adds nothing.

    Returns:
        The volume in the product of the objectives' units.

    Source: hypervolume by slicing objectives (While et al. 2006); its time grows with the number of results to the
    power of the number of objectives, so it suits two or three.
    """
    corner = np.asarray(reference, dtype=np.float64)
    gains = np.asarray(values, dtype=np.float64).reshape(-1, len(corner)) - corner
    return _sliced_volume(gains[(gains > 0).all(axis=1)])


def _sliced_volume(gains: FloatArray) -> float:
    """Volume of the union of boxes from the origin to the rows of `(boxes, objectives)`, all positive."""
    if not len(gains):
        return 0.0
    if gains.shape[1] == 1:
        return float(gains.max())
    gains = gains[np.argsort(-gains[:, -1], kind="stable")]
    depths = gains[:, -1] - np.append(gains[1:, -1], 0.0)
    return float(sum(depth * _sliced_volume(gains[: end + 1, :-1]) for end, depth in enumerate(depths) if depth > 0))


def _table(values: Sequence[Sequence[float]], violations: Sequence[float] | None) -> FloatArray:
    """Violation and objectives of each result, `(results, 1 + objectives)`; an undefined violation is infinite."""
    objectives = np.asarray(values, dtype=np.float64).reshape(len(values), -1 if len(values) else 0)
    broken = np.zeros(len(values)) if violations is None else np.asarray(violations, dtype=np.float64)
    broken = np.where(np.isnan(broken), np.inf, np.maximum(broken, 0.0))
    return np.column_stack([broken, objectives + 0.0])  # + 0.0: so that -0.0 equals 0.0


def _order(distinct: FloatArray) -> Iterator[int]:
    """Row numbers of a `_table` without equal rows, in rising order of violation, from the best to the worst."""
    for violation in np.unique(distinct[:, 0]):
        rows = np.flatnonzero(distinct[:, 0] == violation)[::-1]  # higher values of the first objectives first
        objectives = distinct[rows, 1:]
        if objectives.shape[1] == 1:
            yield from map(int, rows)
            continue
        spread = np.ptp(objectives, axis=0)
        scaled = objectives / np.where(spread > 0, spread, 1.0)
        for front in _fronts(objectives):
            yield from (int(rows[front[member]]) for member in _net(scaled[front]))


def _fronts(objectives: FloatArray) -> Iterator[IntArray]:
    """Row numbers of each non-dominated front, rising inside a front, of rows that are not equal."""
    dominates = _dominates(objectives)
    dominators = dominates.sum(axis=0)
    left = np.ones(len(objectives), dtype=bool)
    while left.any():
        front = np.flatnonzero(left & (dominators == 0))
        yield front
        left[front] = False
        dominators -= dominates[front].sum(axis=0)


def _dominates(objectives: FloatArray) -> BoolArray:
    """Whether row i dominates row j, `(rows, rows)`; equal rows do not dominate each other."""
    at_least = np.ones((len(objectives), len(objectives)), dtype=bool)
    for column in objectives.T:
        at_least &= column[:, None] >= column[None, :]
    dominates: BoolArray = at_least & ~at_least.T
    return dominates


def _net(points: FloatArray) -> Iterator[int]:
    """Row numbers from the first row on, each next one the farthest from all before it."""
    nearest = np.full(len(points), np.inf)
    chosen = 0
    for _ in range(len(points)):
        yield chosen
        nearest = np.minimum(nearest, np.linalg.norm(points - points[chosen], axis=1))
        nearest[chosen] = -1.0
        chosen = int(nearest.argmax())
