"""The command line: `python -m trainable COMMAND`."""

import logging
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.progress import Progress
from rich.table import Table

from trainable.command_line import (
    check_writable,
    diagnostics,
    interrupts_exit,
    new_app,
    output,
    print_path,
    run_app,
    write_json,
)
from trainable.errors import ConfigError, TrackingError

app = new_app("trainable")

Overrides = Annotated[
    list[str], typer.Argument(help="Hydra overrides as RVT takes them, such as dataset=gen4 batch_size.train=6.")
]
Workers = Annotated[int, typer.Option(min=1, help="Processes that work at the same time.")]


@app.command()
def train(overrides: Overrides) -> None:
    """Train a detector, evaluate it, and print the metrics by object size."""
    from trainable.config import compose
    from trainable.hardware import resolve_devices
    from trainable.process_group import process_rank
    from trainable.train import train as run

    _quiet_lightning()
    config = compose(overrides)
    result_file = _result_file(config.result_json)
    with _ended_by_signals():
        result = run(config, console=diagnostics)
    if process_rank(resolve_devices(config).count) > 0:
        return
    output.print(result.metrics.table())
    output.print(f"{result.step} steps at {result.steps_per_second:.2f} steps/s, seed {result.seed}", highlight=False)
    print_path("run", result.folder.directory)
    if result_file is not None:
        write_json(result_file, result.to_json())


@app.command()
def validate(overrides: Overrides) -> None:
    """Evaluate a checkpoint (checkpoint=PATH) on the validation split, or on the test split (use_test_set=1).

    With result_json=NAME.json the metrics are written to that file, and the match records that they were computed
    from to NAME.npz beside it.
    """
    from trainable.config import compose
    from trainable.evaluation import save_match_records
    from trainable.validate import validate as run

    _quiet_lightning()
    config = compose(overrides, command="validate")
    result_file = _result_file(config.result_json)
    records_file = None if result_file is None else result_file.with_suffix(".npz")
    if records_file is not None:
        if records_file == result_file:
            raise ConfigError(f"result_json={result_file}: the match records are written there; name a .json file")
        check_writable("the match records' file ", records_file)
    with _ended_by_signals():
        result = run(config)
    output.print(result.metrics.table())
    if result_file is not None and records_file is not None:
        write_json(result_file, result.to_json())
        save_match_records(records_file, result.match_records)
        print_path("match records", records_file)


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
    dataset: Annotated[
        Literal["etram", "gen4", "gen1", "demo"] | None,
        typer.Option(help="Whose classes and bins to take; default: what the folder was preprocessed as, or etram."),
    ] = None,
    figure: Annotated[Path, typer.Option(help="PNG to write.")] = Path("statistics.png"),
    json_file: Annotated[Path | None, typer.Option("--json", help="JSON to write.")] = None,
) -> None:
    """Count boxes by class and size, measure event rates, and suggest size thresholds."""
    from trainable.config import compose
    from trainable.data import LABEL_RULES, dataset_statistics, preprocessed_as

    check_writable("--figure ", figure)
    if json_file is not None:
        check_writable("--json ", json_file)
    recorded = preprocessed_as(path)
    if dataset is not None and recorded is not None and (dataset == "demo") != (recorded == "demo"):
        raise ConfigError(
            f"{path} was preprocessed with --dataset {recorded}, whose classes are not those of --dataset {dataset}; "
            "leave --dataset out"
        )
    name = dataset or recorded or "etram"
    if name not in LABEL_RULES:
        raise ConfigError(f"{path} was preprocessed as {name!r}, which is none of {list(LABEL_RULES)}; give --dataset")
    config = compose([f"dataset={name}", "dataset.path=unused", "+model/maxvit_yolox=default"])
    settings = config.dataset.evaluation
    statistics = dataset_statistics(
        path,
        class_names=config.label_set.class_names,
        class_groups=LABEL_RULES[name].class_groups,
        area_bins=settings.area_bins,
        sensor_area_bins=settings.sensor_area_bins,
        box_filter=settings.box_filter.rule,
        downsample_by_factor_2=config.dataset.downsample_by_factor_2,
        representation=config.dataset.ev_repr_name,
    )
    output.print(statistics.table())
    statistics.save_figure(figure)
    print_path("figure", figure)
    if json_file is not None:
        write_json(json_file, statistics.to_json())


@app.command()
def memory(overrides: Overrides) -> None:
    """Measure memory and time of whole training steps for growing micro-batches; needs no dataset."""
    from trainable.config import compose
    from trainable.memory import measure_memory

    config = compose(["dataset.path=none", *overrides])
    output.print(f"{'':10} {'rows':>5} {'peak memory, MiB':>17} {'seconds a step':>15}", highlight=False)
    for cost in measure_memory(config):
        output.print(f"{cost.phase:10} {cost.rows:5} {cost.peak_mib:17,.0f} {cost.seconds:15.3f}", highlight=False)


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(help="Folder of a run or of a sweep with its runs, or a copy of one.")],
    uri: Annotated[str | None, typer.Option(help="Tracking server; default: the run's own.")] = None,
) -> None:
    """Send what a tracking server has not got yet of the journals of a run, or of a sweep and its runs."""
    from trainable.tracking import publish as send

    summary = send(folder, uri)
    rows = {
        **({"runs": summary.runs} if summary.runs > 1 else {}),
        "points sent": summary.points_sent,
        "points already there": summary.points_there,
        "undefined values, which are not sent": summary.points_undefined,
        "files sent": summary.artifacts_sent,
        "files already there": summary.artifacts_there,
        "damaged journal lines": summary.damaged_lines,
    }
    output.print(_two_columns(rows))
    for path in summary.artifacts_absent:
        print_path("missing on disk", path)
    for line in summary.progress.directions:
        output.print(line, highlight=False, soft_wrap=True)
    if summary.refused:
        raise TrackingError("\n".join(["these runs could not be published:", *summary.refused]))


def _two_columns(rows: dict[str, int]) -> Table:
    table = Table(show_header=False, box=None)
    table.add_column(justify="right")
    table.add_column()
    for name, count in rows.items():
        table.add_row(f"{count:,}", name)
    return table


def _result_file(result_json: str | None) -> Path | None:
    if result_json is None:
        return None
    check_writable("result_json=", Path(result_json))
    return Path(result_json)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End with the exit code that a shell expects after a signal; Lightning's own are 0 after SIGTERM, 1 after ^C."""
    from pytorch_lightning.utilities.exceptions import SIGTERMException

    try:
        with interrupts_exit():
            yield
    except SIGTERMException:
        sys.exit(128 + signal.SIGTERM)


def _quiet_lightning() -> None:
    """Leave out what Lightning says to its own developers; it sets its loggers up when it is imported."""
    import pytorch_lightning

    logging.getLogger(pytorch_lightning.__name__).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module=r"pytorch_lightning\..*")
    warnings.filterwarnings("ignore", message="This DataLoader will create")  # more workers than cores is RVT's default


def main() -> NoReturn:
    """Run a command and exit; see `run_app`."""
    run_app(app)


if __name__ == "__main__":
    main()
