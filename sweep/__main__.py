"""The command line: `python -m sweep COMMAND`."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from sweep.command_options import Name, Storage, takes_settings
from sweep.folder import SweepFolder, open_sweep
from sweep.settings import DEFAULT_STORAGE, SweepSettings
from trainable.command_line import (
    check_writable,
    diagnostics,
    interrupts_exit,
    new_app,
    output,
    print_line,
    print_path,
    run_app,
)

app = new_app("sweep")


@app.command()
@takes_settings
def plan(
    settings: SweepSettings,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Say what a sweep would run and cost, from a short probe on this machine; starts nothing."""
    from sweep.plan import plan as made_for
    from sweep.plan_tables import show

    with interrupts_exit():
        made = made_for(settings, diagnostics)
    if as_json:
        output.print_json(data=made.to_json())
    else:
        show(made, output)


@app.command()
@takes_settings
def run(settings: SweepSettings) -> None:
    """Start a sweep and run it to its end, with a live table of its trials."""
    from sweep.outcome import print_outcome
    from sweep.running import start_sweep

    with interrupts_exit():
        print_outcome(start_sweep(settings, diagnostics), output)


@app.command()
def resume(
    name: Name,
    failed: Annotated[
        bool, typer.Option("--failed", help="Try failed trials again, too, from their last checkpoints.")
    ] = False,
    storage: Storage = DEFAULT_STORAGE,
) -> None:
    """Go on with a sweep, or with its confirmation, after a stop or a kill; finished trials are kept."""
    from sweep.confirm import unfinished_confirmations
    from sweep.trying_again import try_failed_again

    with interrupts_exit():
        folder = open_sweep(storage, name)
        if failed:
            try_failed_again(folder)
        if unfinished_confirmations(folder):
            _confirmation(folder, trials=0)
        else:
            _search(folder)


@app.command()
def extend(
    name: Name,
    trials: Annotated[int, typer.Option(help="The new number of trials in all.")],
    storage: Storage = DEFAULT_STORAGE,
) -> None:
    """Add trials to a sweep, and run them."""
    from sweep.running import extend_sweep

    with interrupts_exit():
        folder = open_sweep(storage, name)
        extend_sweep(folder, trials)
        _search(folder)


@app.command()
def status(
    name: Name,
    storage: Storage = DEFAULT_STORAGE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Show the trials of a sweep, running or not, and what can be done next."""
    from sweep.status import print_status, read_status

    found = read_status(open_sweep(storage, name))
    if as_json:
        output.print_json(data=found.to_json())
    else:
        print_status(found, output)


@app.command()
def stop(
    name: Name,
    trial: Annotated[int | None, typer.Argument(min=0, help="Stop this trial only.", show_default=False)] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="The trial is one of the confirmation.")] = False,
    storage: Storage = DEFAULT_STORAGE,
) -> None:
    """Stop a running sweep, which can be resumed, or one of its trials, which ends there."""
    from sweep.stopping import stop_sweep, stop_trial

    folder = open_sweep(storage, name)
    if trial is None:
        print_line(output, stop_sweep(folder))
    else:
        print_line(output, stop_trial(folder, "confirm" if confirm else "trials", trial))


@app.command()
def best(
    name: Name,
    by: Annotated[str | None, typer.Option(help="The metric that decides; default: the first objective.")] = None,
    out: Annotated[Path | None, typer.Option(help="YAML file for the configuration; default NAME-best.yaml.")] = None,
    storage: Storage = DEFAULT_STORAGE,
) -> None:
    """Print the best trial and the command that trains it again, and write its configuration."""
    from sweep.best import best_trial, print_best, write_configuration

    file = out or Path(f"{name}-best.yaml")
    folder = open_sweep(storage, name)
    check_writable("--out ", file)
    found = best_trial(folder, by)
    print_best(found, folder, output)
    write_configuration(found, file)
    print_path("configuration", file)


@app.command()
def confirm(
    name: Name,
    top: Annotated[int, typer.Option(min=1, help="How many of the best trials to confirm, besides the baseline.")] = 3,
    seeds: Annotated[int, typer.Option(min=1, help="New seeds for each.")] = 3,
    storage: Storage = DEFAULT_STORAGE,
) -> None:
    """Train the best trials and the baseline with new seeds at the full budget, and compare them."""
    from sweep.confirm import enqueue_confirmation
    from sweep.driver_lock import check_no_driver

    with interrupts_exit():
        folder = open_sweep(storage, name)
        check_no_driver(folder)
        _confirmation(folder, enqueue_confirmation(folder, top, seeds))


def _confirmation(folder: SweepFolder, trials: int) -> None:
    """Run what is left of the confirmation, and say what came out."""
    from sweep.confirm import confirmation_table
    from sweep.outcome import print_directions
    from sweep.running import run_phase
    from sweep.standings import print_table

    run_phase(folder, "confirm", diagnostics, trials)
    print_table(confirmation_table(folder), output)
    print_directions(folder, "confirm", output)


def _search(folder: SweepFolder) -> None:
    """Run what is left of the search, and say what came out."""
    from sweep.outcome import print_outcome
    from sweep.record import SweepRecord
    from sweep.running import run_phase

    run_phase(folder, "trials", diagnostics, SweepRecord.read(folder).settings.trials)
    print_outcome(folder, output)


def main() -> NoReturn:
    """Run a command and exit; see `run_app`."""
    run_app(app)


if __name__ == "__main__":
    main()
