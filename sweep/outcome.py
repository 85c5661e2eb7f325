"""What a command prints when a sweep has ended: the ranked trials, and where to go from there."""

import shlex

from rich.console import Console

from sweep.folder import Phase, SweepFolder
from sweep.pages import sweep_pages
from sweep.parent_run import sweep_tracking_uri
from sweep.record import SweepRecord, open_study
from sweep.standings import print_table, standings_table
from sweep.trial_rows import TrialRows
from trainable.command_line import print_line
from trainable.own_programs import own_program
from trainable.tracking.links import public_uri


def print_outcome(folder: SweepFolder, console: Console) -> None:
    """Print the trials, the best first, and the commands that make something of them."""
    rows = TrialRows(folder)
    ranked = rows.ranked()
    objectives = rows.record.settings.objectives
    print_table(standings_table(ranked, objectives, running=False, title=f"{folder.name}, percent"), console)
    unfinished = sum(not row.ended for row in ranked)
    if unfinished:
        print_line(
            console,
            f"Not finished: {unfinished} of {len(ranked)} trials; to go on with them: {folder.command('resume')}",
        )
    failed = sum(row.state == "FAILED" for row in ranked)
    if failed:
        print_line(
            console,
            f"Failed: {failed} of {len(ranked)} trials; to try them again: {folder.command('resume', '--failed')}",
        )
    if any(row.state == "COMPLETE" for row in ranked):
        print_line(console, f"The best configuration, and the command that trains it: {folder.command('best')}")
        print_line(
            console,
            "One seed proves nothing; to repeat the best with new seeds beside the baseline: "
            + folder.command("confirm", "--top", "3", "--seeds", "3"),
        )
    print_directions(folder, "trials", console)


def print_directions(folder: SweepFolder, phase: Phase, console: Console) -> None:
    """Print how to get the sweep's report, and where the sweep and its best trials are to be seen in MLflow."""
    record = SweepRecord.read(folder)
    print_line(console, f"The report on it: {report_command(folder, record)}")
    pages = sweep_pages(folder, open_study(folder, phase), record.settings.objectives[0], phase)
    for line in () if pages is None else pages.lines():
        print_line(console, line)


def report_command(folder: SweepFolder, record: SweepRecord) -> str:
    """The command that writes the sweep's report, without credentials."""
    address = public_uri(sweep_tracking_uri(folder, record))
    return shlex.join([own_program("python"), "-m", "reports", "build", folder.name, "--tracking-uri", address])
