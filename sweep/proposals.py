"""From a point of the search space to the configuration of one trial."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from search_spaces.json_values import same
from search_spaces.space import Json, Space
from sweep.config_hash import config_hash
from sweep.trial_records import TrialRecord
from trainable.config import Config
from trainable.dotted_names import value_at
from trainable.errors import SweepError

SEED_KEY = "reproduce.seed_everything"


@dataclass(frozen=True)
class Proposal:
    """A trial to run.

    Attributes:
        index: Consecutive number of the trial in its study, from 0.
        name: The index and the parameters, for people.
        parameters: Dotted configuration key to value, without what is fixed for all trials.
        known_point: Name of the space's known point that it is, if it is one.
        config: The trial's whole configuration, its seed included.
        config_hash: Hash of its effective configuration.
        seed: Its random seed.
        reissued: Whether it was proposed before and did not come to an end.
    """

    index: int
    name: str
    parameters: dict[str, Json]
    known_point: str | None
    config: Config
    config_hash: str
    seed: int
    reissued: bool

    def to_entry(self) -> dict[str, Any]:
        """What the study keeps of it, as plain JSON types."""
        kept = {key: value for key, value in vars(self).items() if key not in ("config", "reissued")}
        return {**kept, "max_steps": self.config.training.max_steps}


@dataclass(frozen=True)
class FixedPoint:
    """A point that is tried because it was asked for, not because a search algorithm chose it.

    Attributes:
        parameters: Dotted configuration key to value, without what is fixed for all trials.
        known_point: Name of the space's known point that it is, if it is one.
        seed: The trial's random seed; `None`: that of all trials.
        place: Its place in the grid, if it comes from there.
    """

    parameters: dict[str, Json]
    known_point: str | None = None
    seed: int | None = None
    place: int | None = None

    def to_entry(self) -> dict[str, Any]:
        """The point as plain JSON types; `FixedPoint(**entry)` restores it."""
        return asdict(self)


class Proposer:
    """Turns points into proposals.

    Args:
        space: What the trials vary.
        base: The configuration that all trials start from.
        seed: The trials' seed where neither the base nor the point names one.
    """

    def __init__(self, space: Space, base: Config, seed: int) -> None:
        self._space = space
        self._base = base
        self._seed = seed

    def propose(
        self, index: int, parameters: Mapping[str, Json], *, known_point: str | None, seed: int | None
    ) -> Proposal:
        """A new trial at a point.

        Raises:
            ConfigError: If the configuration refuses the point.
            SweepError: If a parameter does not reach the configuration.
        """
        config = self._config(parameters, seed)
        trial_seed = config.reproduce.seed_everything
        words = [known_point, None if seed is None else f"seed={seed}", self._space.describe(parameters)]
        return Proposal(
            index=index,
            name=" ".join([f"{index:04d}", *filter(None, words)]),
            parameters=dict(parameters),
            known_point=known_point,
            config=config,
            config_hash=config_hash(config),
            seed=self._seed if trial_seed is None else trial_seed,
            reissued=False,
        )

    def again(self, record: TrialRecord) -> Proposal:
        """The proposal of a trial that did not come to an end.

        Raises:
            ConfigError: If the configuration refuses the point now.
            SweepError: If a parameter does not reach the configuration.
        """
        return Proposal(
            index=record.index,
            name=record.name,
            parameters=record.parameters,
            known_point=record.known_point,
            config=self._config(record.parameters, record.seed),
            config_hash=record.config_hash,
            seed=record.seed,
            reissued=True,
        )

    def _config(self, parameters: Mapping[str, Json], seed: int | None) -> Config:
        overrides = self._space.overrides(parameters)
        seeds: dict[str, Json] = {}
        if seed is not None:
            seeds[SEED_KEY] = seed
        elif self._base.reproduce.seed_everything is None and SEED_KEY not in overrides:
            seeds[SEED_KEY] = self._seed
        config = self._base.merged({**overrides, **seeds})
        values = config.to_dict()
        for key, value in overrides.items():
            reached = value_at(values, key)
            if not same(value, reached):
                raise SweepError(
                    f"the parameter `{key}`={value!r} does not reach the configuration, which holds {reached!r} there; "
                    "something else sets it too, such as another key of the search space or a confirmation's seeds"
                )
        return config
