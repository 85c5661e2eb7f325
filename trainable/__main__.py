"""The command line: `python -m trainable COMMAND`."""

import json
import logging
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import Progress
from rich.table import Table

from trainable.errors import ConfigError, EvsweepError

app = typer.Typer(
    name="trainable", add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)
output = Console()
diagnostics = Console(stderr=True)

Overrides = Annotated[
    list[str], typer.Argument(help="Hydra overrides as RVT takes them, such as dataset=gen4 batch_size.train=6.")
]
Workers = Annotated[int, typer.Option(min=1, help="Processes that work at the same time.")]


@app.command()
def train(overrides: Overrides) -> None:
    """Train a detector, evaluate it, and print the metrics by object size."""
    from trainable.config import compose
    from trainable.train import train as run

    config = compose(overrides)
    result = run(config, console=diagnostics)
    output.print(result.metrics.table())
    output.print(f"{result.step} steps at {result.steps_per_second:.2f} steps/s, seed {result.seed}", highlight=False)
    output.print(f"run: {result.folder.directory}", highlight=False, soft_wrap=True)
    _write_json(config.result_json, result.to_json())


@app.command()
def validate(overrides: Overrides) -> None:
    """Evaluate a checkpoint (checkpoint=PATH) on the validation split, or on the test split (use_test_set=1)."""
    from trainable.config import compose
    from trainable.validate import validate as run

    config = compose(overrides, command="validate")
    result = run(config)
    output.print(result.metrics.table())
    _write_json(config.result_json, result.to_json())


@app.command()
def preprocess(
    raw: Annotated[Path, typer.Argument(help="Folder with train/, val/ and test/ of recordings and _bbox.npy files.")],
    out: Annotated[Path, typer.Argument(help="Folder for the preprocessed dataset.")],
    dataset: Annotated[Literal["etram", "gen4", "gen1", "demo"], typer.Option(help="Whose label rules to follow.")],
    workers: Workers = 1,
    layout: Annotated[
        Literal["sparse", "rvt"], typer.Option(help="sparse: small files; rvt: files that RVT reads too.")
    ] = "sparse",
    downsample_by_factor_2: Annotated[
        bool | None,
        typer.Option("--half-resolution/--full-resolution", help="Default: as RVT does for the dataset."),
    ] = None,
    drop_bad_boxes: Annotated[
        bool, typer.Option(help="Drop and count bad boxes instead of refusing the file.")
    ] = False,
) -> None:
    """Turn raw recordings into event representations and labels; an interrupted run is continued."""
    from trainable.data import preprocess as run

    summary = run(
        raw,
        out,
        dataset=dataset,
        workers=workers,
        layout=layout,
        downsample_by_factor_2=downsample_by_factor_2,
        drop_bad_boxes=drop_bad_boxes,
        console=diagnostics,
    )
    rows = {
        "sequences written": len(summary.written),
        "sequences already there": summary.already_done,
        "recordings left out, as they have no labels": len(summary.without_labels),
        "event frames": summary.frames,
        "labels": summary.labels,
        "event times repaired": summary.repaired_times,
        "boxes cut at the sensor's edge": summary.cropped_boxes,
        **{f"boxes dropped: {reason}": count for reason, count in sorted(summary.dropped_boxes.items())},
    }
    output.print(_two_columns(rows))


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(help="Folder for the recordings.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = 0,
    train: Annotated[int, typer.Option(min=0, help="Recordings for training.")] = 16,
    val: Annotated[int, typer.Option(min=0, help="Recordings for validation.")] = 4,
    test: Annotated[int, typer.Option(min=0, help="Recordings for testing.")] = 4,
    duration: Annotated[float, typer.Option(help="Length of each recording in seconds.")] = 5.0,
    height: Annotated[int, typer.Option(help="Sensor height in pixels.")] = 360,
    width: Annotated[int, typer.Option(help="Sensor width in pixels.")] = 640,
    mean_objects: Annotated[float, typer.Option(help="Mean number of objects in sight.")] = 7.0,
    workers: Workers = 2,
) -> None:
    """Write synthetic traffic recordings with eTraM's classes, in its raw layout."""
    from trainable.data import simulate as run

    with Progress(console=diagnostics, disable=not diagnostics.is_terminal) as bar:
        task = bar.add_task("simulating", total=train + val + test)
        summary = run(
            out,
            seed=seed,
            train=train,
            val=val,
            test=test,
            duration_s=duration,
            height=height,
            width=width,
            mean_objects=mean_objects,
            workers=workers,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    rows = {
        "recordings": summary.recordings,
        "written now": summary.written,
        "events": summary.events,
        **{f"boxes: {name}": count for name, count in summary.boxes_by_class.items()},
    }
    output.print(_two_columns(rows))


@app.command()
def publish(
    run: Annotated[Path, typer.Argument(help="The run's folder, or a copy of it.")],
    uri: Annotated[str | None, typer.Option(help="Tracking server; default: the run's own.")] = None,
) -> None:
    """Send what a tracking server has not got yet of a run's journal."""
    from trainable.tracking import publish as send

    summary = send(run, uri)
    rows = {
        "points sent": summary.points_sent,
        "points already there": summary.points_there,
        "undefined values, which are not sent": summary.points_undefined,
        "files sent": summary.artifacts_sent,
        "files already there": summary.artifacts_there,
        "damaged journal lines": summary.damaged_lines,
    }
    output.print(_two_columns(rows))
    for path in summary.artifacts_absent:
        output.print(f"missing on disk: {path}", highlight=False, soft_wrap=True)
    output.print(f"the run is at {summary.progress.page}", highlight=False, soft_wrap=True)


def _two_columns(rows: dict[str, int]) -> Table:
    table = Table(show_header=False, box=None)
    table.add_column(justify="right")
    table.add_column()
    for name, count in rows.items():
        table.add_row(f"{count:,}", name)
    return table


def _write_json(path: str | None, content: dict[str, Any]) -> None:
    if path is None:
        return
    target = Path(path)
    draft = target.with_name(f".{target.name}.partial")
    try:
        draft.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")
        draft.replace(target)
    except OSError as error:
        raise ConfigError(f"result_json={path} cannot be written ({error.strerror}); choose another file") from error


def _set_up_logging() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(message)s", handlers=[RichHandler(console=diagnostics, show_path=False)]
    )
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)


def main() -> NoReturn:
    """Run a command; a user's mistake is a message and exit code 2."""
    _set_up_logging()
    try:
        app()
    except EvsweepError as error:
        diagnostics.print(f"error: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(2)
    sys.exit(0)


if __name__ == "__main__":
    main()
