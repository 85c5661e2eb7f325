"""The command line: `python -m trainable COMMAND`."""

import json
import logging
import sys
import warnings
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

    _quiet_lightning()
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

    _quiet_lightning()
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
def stats(
    path: Annotated[Path, typer.Argument(help="Folder of raw recordings or of a preprocessed dataset.")],
    dataset: Annotated[str, typer.Option(help="The dataset's configuration: etram, gen4, gen1 or demo.")] = "etram",
    figure: Annotated[Path, typer.Option(help="PNG to write.")] = Path("statistics.png"),
    json_file: Annotated[Path | None, typer.Option("--json", help="JSON to write.")] = None,
) -> None:
    """Count boxes by class and size, measure event rates, and suggest size thresholds."""
    from trainable.config import compose
    from trainable.data import dataset_statistics

    config = compose([f"dataset={dataset}", f"dataset.path={path}", "+model/maxvit_yolox=default"])
    settings = config.dataset.evaluation
    statistics = dataset_statistics(
        path,
        class_names=config.label_set.class_names,
        area_bins=settings.area_bins,
        sensor_area_bins=settings.sensor_area_bins,
        box_filter=settings.box_filter.rule,
        downsample_by_factor_2=config.dataset.downsample_by_factor_2,
        representation=config.dataset.ev_repr_name,
    )
    output.print(statistics.table())
    statistics.save_figure(figure)
    output.print(f"figure: {figure}", highlight=False, soft_wrap=True)
    _write_json(None if json_file is None else str(json_file), statistics.to_json())


@app.command()
def memory(overrides: Overrides) -> None:
    """Measure memory and time of whole training steps for growing micro-batches; needs no dataset."""
    from trainable.config import compose
    from trainable.memory import measure_memory

    config = compose(["dataset.path=none", *overrides])
    table = Table("rows (batch_size.micro)", "peak memory, MiB", "seconds a micro-batch")
    for cost in measure_memory(config):
        table.add_row(str(cost.rows), f"{cost.peak_mib:,.0f}", f"{cost.seconds:.3f}")
    output.print(table)


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
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        handlers=[RichHandler(console=diagnostics, show_path=False)] if diagnostics.is_terminal else None,
    )


def _quiet_lightning() -> None:
    """Leave out what Lightning says to its own developers; it sets its loggers up when it is imported."""
    import pytorch_lightning

    logging.getLogger(pytorch_lightning.__name__).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module=r"pytorch_lightning\..*")


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
