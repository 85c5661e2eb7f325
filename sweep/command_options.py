"""The options by which a sweep's settings are typed, shared by the commands that take settings."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from sweep.settings import SchedulerName, SearchName, SweepSettings, read_settings_file, settings_from

Name = Annotated[str, typer.Argument(help="The sweep's name.")]
Storage = Annotated[Path, typer.Option(help="The folder of sweeps.")]


def typed_settings(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="Hydra overrides that all trials share, such as +experiment/gen4=size_aware dataset.path=DATA "
            "training.max_steps=200000.",
            show_default=False,
        ),
    ] = None,
    space: Annotated[str | None, typer.Option(help="A shipped search space's name, or a YAML file.")] = None,
    name: Annotated[str | None, typer.Option(help="The sweep's name; default: space, date and time.")] = None,
    trials: Annotated[int | None, typer.Option(help="Trials to run; default 32.")] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(
            help="A metric to maximise; may be given several times. Default: AP_S and AP.", show_default=False
        ),
    ] = None,
    constraint: Annotated[
        list[str] | None,
        typer.Option(help="A bound on results, such as 'AP>=0.33'; may be given several times.", show_default=False),
    ] = None,
    search: Annotated[SearchName | None, typer.Option(help="The search algorithm; default tpe.")] = None,
    scheduler: Annotated[
        SchedulerName | None, typer.Option(help="asha stops trials that fall behind; default asha.")
    ] = None,
    grace_steps: Annotated[
        int | None, typer.Option(help="Steps before which no trial is stopped; default: a tenth of the budget.")
    ] = None,
    reduction_factor: Annotated[
        int | None, typer.Option(help="One in so many trials goes on from a rung; default 3.")
    ] = None,
    gpus_per_trial: Annotated[
        str | None, typer.Option(help="1, a share such as 0.25, or auto, which measures; default auto.")
    ] = None,
    cpus_per_trial: Annotated[float | None, typer.Option(help="CPU cores a trial; default: by its workers.")] = None,
    max_concurrent: Annotated[int | None, typer.Option(help="Trials at once; default: as many as fit.")] = None,
    max_failures: Annotated[
        int | None, typer.Option(help="Times that a trial is started again after its process died; default 3.")
    ] = None,
    address: Annotated[str | None, typer.Option(help="A Ray cluster's HOST:PORT; default: this machine.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the search and of the trials; default 0.")] = None,
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow server; default: an SQLite file in the storage.")
    ] = None,
    storage: Annotated[
        str | None, typer.Option(help="Folder of sweeps, which every node sees; default sweeps.")
    ] = None,
    min_free_gib: Annotated[
        float | None, typer.Option(help="Trials wait while the disk has less free space; default 1.")
    ] = None,
    keep_best_checkpoint: Annotated[
        bool | None,
        typer.Option("--keep-best-checkpoint/--no-keep-best-checkpoint", help="Upload each trial's best checkpoint."),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="YAML file with settings; options that are typed win over it.")
    ] = None,
) -> SweepSettings:
    """The settings that were typed, over those of the settings file."""
    from_file = {} if settings is None else read_settings_file(settings)
    typed: dict[str, Any] = {
        "space": space,
        "name": name,
        "trials": trials,
        "objectives": objective or None,
        "constraints": constraint or None,
        "search": search,
        "scheduler": scheduler,
        "grace_steps": grace_steps,
        "reduction_factor": reduction_factor,
        "gpus_per_trial": None if gpus_per_trial is None else _number_or_text(gpus_per_trial),
        "cpus_per_trial": cpus_per_trial,
        "max_concurrent": max_concurrent,
        "max_failures": max_failures,
        "address": address,
        "seed": seed,
        "tracking_uri": tracking_uri,
        "storage": storage,
        "min_free_gib": min_free_gib,
        "keep_best_checkpoint_as_artifact": keep_best_checkpoint,
    }
    merged = from_file | {key: value for key, value in typed.items() if value is not None}
    if overrides:
        # Of overrides of one key the last one counts.
        before = from_file.get("overrides") or []
        merged["overrides"] = [*before, *overrides] if isinstance(before, list) else before
    source = "the sweep's settings" if settings is None else f"the sweep's settings, with those of {settings},"
    return settings_from(merged, source)


def takes_settings(command: Callable[..., None]) -> Callable[..., None]:
    """A command with the options of `typed_settings`, called with the settings that they come to.

    Args:
        command: Takes the settings, and then what it has of further options.
    """
    _, *own = inspect.signature(command).parameters.values()

    @functools.wraps(command)
    def typed(**options: Any) -> None:
        further = {parameter.name: options.pop(parameter.name) for parameter in own}
        command(typed_settings(**options), **further)

    parameters = [*inspect.signature(typed_settings).parameters.values(), *own]
    typed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    typed.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return typed


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
