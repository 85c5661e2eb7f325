"""A sweep's record: what it was started with, written before anything runs."""

import json
import logging
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import yaml
from pydantic import ValidationError

from search_spaces.objectives import parse_constraint, parse_objectives
from sweep.base_configuration import (
    base_configuration,
    first_rung,
    unknown_metrics,
    validation_interval,
)
from sweep.folder import Phase, SweepFolder, sweep_folder
from sweep.settings import FULL_BUDGET_SEARCHES, SweepSettings
from trainable.config import Config, validate_config
from trainable.config.base import NonNegative, Positive, Section
from trainable.config.train_overrides import typed_keys
from trainable.dotted_names import value_at
from trainable.errors import ConfigError, EvsweepError, SweepError, TrackingError
from trainable.files import written_whole
from trainable.tracking.links import public_uri, resolve_uri

if TYPE_CHECKING:
    from search_spaces import Space
    from sweep.study import SweepStudy

logger = logging.getLogger(__name__)

BASELINE = "baseline"
"""The known point that finalists are compared with."""


class SweepRecord(Section):
    """What a sweep was started with. Written once; only `extend` changes it, the number of trials."""

    version: Positive = 1
    sweep_id: str
    """Identity of the sweep, and of its parent run on every tracking server."""
    created: str
    """Local time, ISO 8601."""
    settings: SweepSettings
    base_config: dict[str, Any]
    """The resolved configuration that all trials start from."""
    space: dict[str, Any]
    rungs: tuple[NonNegative, ...]
    """Optimizer steps at which trials may be stopped; empty without a scheduler."""
    validation_interval: Positive
    """Optimizer steps between validations."""

    @property
    def config(self) -> Config:
        """The configuration that all trials start from."""
        return validate_config(self.base_config)

    @property
    def holds_credentials(self) -> bool:
        """Whether the tracking address has a part that may be secret."""
        uri = self.settings.tracking_uri
        return uri is not None and uri != public_uri(uri)

    def search_space(self) -> "Space":
        """What the trials vary."""
        from search_spaces import Space

        return Space.from_dict(self.space)

    def confirmation_space(self) -> "Space":
        """What the confirmation chooses from: the search space, with a baseline.

        A space without a known point of that name gets the base configuration itself, which need not lie in the space,
        so that all its keys then count as keys without a range.
        """
        space = self.search_space()
        if BASELINE in space.known_points:
            return space
        unchanged: dict[str, Any] = {key: value_at(self.base_config, key) for key in space.fixed}
        return replace(space, dimensions=(), known_points={BASELINE: unchanged})

    def write(self, folder: SweepFolder) -> None:
        """Write the record, whole or not at all; one that holds credentials for its owner alone."""
        with written_whole(folder.record_file) as draft:
            draft.touch(0o600 if self.holds_credentials else 0o666)
            draft.write_text(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False))

    @classmethod
    def read(cls, folder: SweepFolder) -> "SweepRecord":
        """The record in a sweep's folder.

        Raises:
            SweepError: If it cannot be read.
        """
        try:
            return cls.model_validate_json(json.dumps(yaml.safe_load(folder.record_file.read_text())))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
            raise SweepError(f"{folder.record_file} cannot be read ({error}); restore it from a copy") from error


def create_sweep(settings: SweepSettings) -> SweepFolder:
    """Make a sweep's folder with its record. Whatever is wrong is refused before the folder exists.

    Raises:
        ConfigError: If the overrides, the space, the objectives, the constraints or the rungs cannot be used.
        SweepError: If the name is in use.
    """
    folder = sweep_folder(settings.storage, settings.name)
    _check_name_is_free(folder)
    record = plan_record(settings)
    draft = SweepFolder(folder.storage / f".{folder.name}.partial-{uuid4().hex[:8]}")
    try:
        draft.directory.mkdir(parents=True)
        record.write(draft)
        draft.directory.rename(folder.directory)
    except OSError as error:
        shutil.rmtree(draft.directory, ignore_errors=True)
        _check_name_is_free(folder)
        raise SweepError(
            f"the sweep's folder {folder.directory} cannot be made ({error.strerror}); choose another --storage"
        ) from error
    return folder


def plan_record(settings: SweepSettings) -> SweepRecord:
    """The record that a sweep with these settings would have; nothing is written.

    Raises:
        ConfigError: If the overrides, the space, the objectives, the constraints or the rungs cannot be used.
    """
    from search_spaces import check_space, load_space
    from sweep.rungs import rung_steps

    space = load_space(settings.space)
    config = base_configuration(settings)
    check_space(space, config)
    mistakes = [*_clashes(settings, space), *_without_effect(space), *_wrong_targets(settings, config)]
    try:
        settings = _with_absolute_address(settings)
    except TrackingError as error:
        mistakes.append(str(error))
    rungs: tuple[int, ...] = ()
    if settings.scheduler == "asha":
        grace, budget = first_rung(settings, config), config.training.max_steps
        rungs = rung_steps(
            budget,
            grace_steps=grace,
            reduction_factor=settings.reduction_factor,
            validation_interval=validation_interval(config),
        )
        if not rungs:
            mistakes.append(
                f"no trial could be stopped early: the first rung (--grace-steps {grace}, validated every "
                f"{validation_interval(config)} steps) must come before training.max_steps={budget}; lower "
                "--grace-steps or validation.val_check_interval, or take --scheduler none"
            )
    if settings.search == "grid":
        _note_small_grid(settings, space)
    if settings.search in FULL_BUDGET_SEARCHES and rungs:
        _note_slow_learning(settings, rungs)
    if mistakes:
        raise ConfigError("the sweep cannot be started:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes))
    return SweepRecord(
        sweep_id=uuid4().hex,
        created=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        settings=settings,
        base_config=config.to_dict(),
        space=space.to_dict(),
        rungs=rungs,
        validation_interval=validation_interval(config),
    )


def open_study(folder: SweepFolder, phase: Phase = "trials") -> "SweepStudy":
    """The study of a sweep's phase. Confirmations all run to the end, so theirs has no rungs.

    Raises:
        SweepError: If the record cannot be read.
    """
    from sweep.study import SweepStudy

    record = SweepRecord.read(folder)
    settings = record.settings
    return SweepStudy(
        folder.study_file,
        name="search" if phase == "trials" else "confirm",
        space=record.search_space() if phase == "trials" else record.confirmation_space(),
        base=record.config,
        objectives=parse_objectives(settings.objectives),
        constraints=tuple(map(parse_constraint, settings.constraints)),
        search=settings.search,
        rungs=record.rungs if phase == "trials" else (),
        reduction_factor=settings.reduction_factor,
        seed=settings.seed,
    )


def _check_name_is_free(folder: SweepFolder) -> None:
    if folder.record_file.exists():
        raise SweepError(
            f"a sweep named {folder.name!r} is already in {folder.storage}; go on with it by `python -m sweep resume "
            f"{folder.name}`, add trials by `extend`, or choose another --name"
        )
    if folder.directory.exists():
        raise SweepError(f"{folder.directory} exists and is no sweep; choose another --name or --storage")


def _note_small_grid(settings: SweepSettings, space: "Space") -> None:
    """Say so where a grid has fewer points than trials are wanted; endless grids are refused by `Space.grid`."""
    points = sum(1 for _ in islice(space.grid(), settings.trials))
    if points < settings.trials:
        logger.info(
            "the grid of %s has %d points, so the sweep ends before %d trials: these and its %d known points",
            space.name,
            points,
            settings.trials,
            len(space.known_points),
        )


def _note_slow_learning(settings: SweepSettings, rungs: tuple[int, ...]) -> None:
    """Say so where early stopping takes from a search algorithm what it learns from."""
    logger.warning(
        "--search %s learns from trials at full budget only, and --scheduler asha lets about one in %d of %d trials "
        "come so far, so that most points are chosen at random; take --search tpe, which learns from stopped trials "
        "too, or --scheduler none",
        settings.search,
        settings.reduction_factor ** len(rungs),
        settings.trials,
    )


def _with_absolute_address(settings: SweepSettings) -> SweepSettings:
    """The settings with a tracking address that means the same in every folder.

    Raises:
        TrackingError: For an address that MLflow cannot write to.
    """
    uri = settings.tracking_uri
    if uri is None:
        return settings
    try:
        return settings.model_copy(update={"tracking_uri": resolve_uri(uri)})
    except TrackingError as error:
        raise TrackingError(
            "`--tracking-uri` must be http(s)://HOST or a database such as sqlite:///sweeps/mlflow.db, got "
            f"{public_uri(uri)!r} (MLflow no longer writes to plain folders); leave it out for an SQLite file in the "
            "storage"
        ) from error


def _clashes(settings: SweepSettings, space: "Space") -> Iterator[str]:
    """Overrides that would have no effect, as the space sets the same key."""
    searched = {dimension.key for dimension in space.dimensions}
    for key in typed_keys(settings.overrides):
        if key in searched or key in space.fixed:
            what = "searches" if key in searched else "fixes"
            yield f"`{key}` is typed as an override, but the space {space.name} {what} it; leave the override out"


def _without_effect(space: "Space") -> Iterator[str]:
    from sweep.config_hash import has_effect

    for dimension in space.dimensions:
        if not has_effect(dimension.key):
            yield (
                f"`{dimension.key}` in the space {space.name} changes no result but by chance, so that trials which "
                "differ in it would repeat each other; leave it out of the space, and give it as an override"
            )


def _wrong_targets(settings: SweepSettings, config: Config) -> Iterator[str]:
    """Objectives and constraints that no validation could judge."""
    try:
        names = [objective.metric for objective in parse_objectives(settings.objectives)]
        names += [parse_constraint(text).metric for text in settings.constraints]
    except EvsweepError as error:
        yield str(error)
    else:
        yield from unknown_metrics(names, config)
