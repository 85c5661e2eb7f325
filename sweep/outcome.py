"""What a command prints when a sweep has ended: the ranked trials, and where to go from there."""

from rich.console import Console

from sweep.folder import Phase, SweepFolder
from sweep.standings import print_table, standings_table
from sweep.trial_rows import TrialRows
from trainable.command_line import print_line
from trainable.tracking import TrackingPages, read_progress

_COMPARED = 20
"""The best so many trials are compared on one page: more would not fit into an address."""


def print_outcome(folder: SweepFolder, console: Console) -> None:
    """Print the trials, the best first, and the commands that make something of them."""
    rows = TrialRows(folder)
    ranked = rows.ranked()
    objectives = rows.record.settings.objectives
    print_table(standings_table(ranked, objectives, running=False, title=f"{folder.name}, percent"), console)
    unfinished = sum(not row.ended for row in ranked)
    if unfinished:
        print_line(console, f"{unfinished} trials are not finished; to go on with them: {folder.command('resume')}")
    if any(row.state == "COMPLETE" for row in ranked):
        print_line(console, f"The best configuration, and the command that trains it: {folder.command('best')}")
        print_line(
            console,
            "One seed proves nothing; to repeat the best with new seeds beside the baseline: "
            + folder.command("confirm", "--top", "3", "--seeds", "3"),
        )
    print_directions(folder, "trials", console)


def print_directions(folder: SweepFolder, phase: Phase, console: Console) -> None:
    """Print where the sweep and its best trials are to be seen in MLflow."""
    progress = read_progress(folder.directory)
    if progress is None:
        return
    pages = TrackingPages(progress.uri, progress.experiment_id)
    if pages.command is not None:
        print_line(console, f"To look at the runs, start: {pages.command}")
    print_line(console, f"The sweep: {pages.run(progress.mlflow_run_id)}")
    rows = TrialRows(folder, phase)
    published = [read_progress(folder.run_directory(phase, row.index)) for row in rows.ranked()]
    runs = [run.mlflow_run_id for run in published if run is not None][:_COMPARED]
    if len(runs) > 1:
        print_line(console, f"Its trials side by side: {pages.compare(runs)}")
        objective = rows.record.settings.objectives[0]
        print_line(console, f"Their {objective} over training steps: {pages.metric(runs, objective)}")
