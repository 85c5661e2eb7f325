"""The command line: `python -m reports COMMAND`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from trainable.command_line import diagnostics, interrupts_exit, new_app, output, print_path, run_app
from trainable.errors import ConfigError, SweepError

if TYPE_CHECKING:
    from reports.compare import Side
    from reports.tracking_reader import TrackingReader

app = new_app("reports")

SweepName = Annotated[str, typer.Argument(metavar="SWEEP", help="The sweep's name, or the id of its run in MLflow.")]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        help="MLflow server or database; default: the environment's MLFLOW_TRACKING_URI, else the file "
        "sweeps/mlflow.db in the current folder.",
        show_default=False,
    ),
]
ReportFolder = Annotated[
    Path | None,
    typer.Option(help="Folder for the report; default: SWEEP-report in the current folder.", show_default=False),
]
Pdf = Annotated[bool, typer.Option("--pdf", help="Print it to report.pdf, too; needs Chromium or Chrome.")]
NoAttach = Annotated[bool, typer.Option("--no-attach", help="Do not attach the report to the sweep's run in MLflow.")]


@app.command()
def build(
    sweep: SweepName,
    tracking_uri: TrackingUri = None,
    out: ReportFolder = None,
    compare: Annotated[
        str | None,
        typer.Option(metavar="OTHER", help="Compare with the best configuration of this sweep, too."),
    ] = None,
    pdf: Pdf = False,
    no_attach: NoAttach = False,
) -> None:
    """Write a sweep's report, finished or running: one page that opens offline, tables, figures and text."""
    from reports.places import check_folder, default_folder, tracking_address

    with interrupts_exit():
        uri = tracking_address(tracking_uri)
        if out is not None:
            check_folder(out)
        from reports.build import report_document, write_report
        from reports.tracking_reader import TrackingReader

        with TrackingReader(uri) as reader:
            found = reader.sweep(sweep)
            other = None if compare is None else reader.sweep(compare)
            folder = default_folder(found.name) if out is None else out
            check_folder(folder)
            document = report_document(found, other=other)
            page = write_report(document, found, folder, pdf=pdf, attach_to=None if no_attach else uri)
    print_path("report", page)


@app.command()
def compare(
    reference: Annotated[str, typer.Argument(metavar="A", help="A run or a sweep: what is compared with.")],
    candidate: Annotated[str, typer.Argument(metavar="B", help="A run or a sweep: what is compared.")],
    tracking_uri: TrackingUri = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the page; default: A-B-comparison in the current folder.", show_default=False),
    ] = None,
    pdf: Pdf = False,
) -> None:
    """Compare two runs, or the best configurations of two sweeps, by name or id in MLflow."""
    from reports.places import check_folder, default_folder, tracking_address

    with interrupts_exit():
        uri = tracking_address(tracking_uri)
        folder = default_folder(f"{reference}-{candidate}", "comparison") if out is None else out
        check_folder(folder)
        from reports.compare import comparison_document
        from reports.document.writing import write_document
        from reports.terminal import show_comparison
        from reports.tracking_reader import TrackingReader

        with TrackingReader(uri) as reader:
            sides = _side(reader, reference), _side(reader, candidate)
            if sides[0].run.run_id == sides[1].run.run_id:
                raise ConfigError(f"{reference} and {candidate} are the same run; name two that differ")
            show_comparison(*sides, output)
            page = write_document(comparison_document(*sides), folder, pdf=pdf)
    print_path("comparison", page)


@app.command()
def watch(
    sweep: SweepName,
    tracking_uri: TrackingUri = None,
    out: ReportFolder = None,
    interval: Annotated[float, typer.Option(min=1, help="Seconds between two looks at the sweep.")] = 60,
    no_attach: NoAttach = False,
) -> None:
    """Write a running sweep's report again whenever something has changed, until the sweep has ended."""
    from reports.places import check_folder, default_folder, tracking_address

    with interrupts_exit():
        uri = tracking_address(tracking_uri)
        folder = default_folder(sweep) if out is None else out
        check_folder(folder)
        from reports.watch import watch_sweep

        page = watch_sweep(
            uri,
            sweep,
            folder,
            interval_s=interval,
            attach=not no_attach,
            console=output,
            diagnostics=diagnostics,
        )
    print_path("report", page)


def _side(reader: "TrackingReader", name: str) -> "Side":
    from reports.compare import side_of_run, side_of_sweep
    from reports.evidence import Evidence
    from reports.run_files import Missing

    if reader.kind(name) == "run":
        return side_of_run(reader.run(name))
    side = side_of_sweep(Evidence(reader.sweep(name)))
    if isinstance(side, Missing):
        raise SweepError(f"{side.reason} Name one of its runs, or wait for the first one to end.")
    return side


def main() -> NoReturn:
    """Run a command and exit; see `run_app`."""
    run_app(app)


if __name__ == "__main__":
    main()
