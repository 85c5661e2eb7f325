"""A folder of raw recordings to a preprocessed dataset in RVT's folder layout."""

import multiprocessing
import os
import queue
import shutil
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from trainable.data.label_filters import LABEL_RULES, Dataset
from trainable.data.preprocess_recording import (
    PARTIAL_FOLDER,
    DiskFullError,
    PreprocessSettings,
    RecordingReport,
    preprocess_recording,
)
from trainable.data.preprocessed_folder import claim_folder
from trainable.data.raw_dataset import RawRecording, find_recordings
from trainable.data.representation_store import Layout
from trainable.errors import ConfigError, DataError

_POLL_S = 0.2

Outcome = RecordingReport | DataError
OnProgress = Callable[[float], None]


@dataclass(frozen=True)
class PreprocessSummary:
    """What a run of `preprocess` did.

    Attributes:
        written: One report for each sequence that was written.
        without_labels: Recordings left out, as no box of theirs became a label.
        already_done: Number of sequences that an earlier run had finished.
    """

    written: tuple[RecordingReport, ...]
    without_labels: tuple[RecordingReport, ...]
    already_done: int

    @property
    def frames(self) -> int:
        """Number of event frames written."""
        return sum(report.frames for report in self.written)

    @property
    def labels(self) -> int:
        """Number of labels written."""
        return sum(report.labels for report in self.written)

    @property
    def repaired_times(self) -> int:
        """Number of events whose time ran backwards and was raised to the latest time before."""
        return sum(report.repaired_times for report in self.written)

    @property
    def cropped_boxes(self) -> int:
        """Number of boxes cut at the sensor's edge."""
        return sum(report.cropped_boxes for report in self.written)

    @property
    def dropped_boxes(self) -> dict[str, int]:
        """Number of boxes that the dataset's rules dropped, by reason."""
        total: Counter[str] = Counter()
        for report in (*self.written, *self.without_labels):
            total.update(report.dropped_boxes)
        return dict(total)


def preprocess(
    raw_root: Path,
    out_root: Path,
    *,
    dataset: Dataset,
    workers: int = 1,
    layout: Layout = "sparse",
    downsample_by_factor_2: bool | None = None,
    drop_bad_boxes: bool = False,
    console: Console | None = None,
) -> PreprocessSummary:
    """Turn raw recordings into labels and stacked histograms: 50 ms, 10 bins, counts up to 10.

    Each sequence appears in the output folder once it is complete. A run that was interrupted goes on with the
    sequences that are not there. A recording that cannot be used does not keep the others from being finished.

    Source: `uzh-rpg/RVT`, `scripts/genx/preprocess_dataset.py`: folders, labels, times and counts. Deviations: those
    that the parts name; splits may be missing; with layout `sparse`, the file of frames.

    Args:
        raw_root: Folder with `train/`, `val/` or `test/`, in which each recording has a box file `<name>_bbox.npy` and
            an event file, such as `<name>_td.h5`.
        out_root: Folder of the preprocessed dataset; made if need be.
        dataset: Whose rules the labels follow; `demo` follows eTraM's.
        workers: Number of processes.
        layout: `sparse`, or `rvt` for files that RVT can read.
        downsample_by_factor_2: Whether to write half resolution; None for what RVT does for the dataset.
        drop_bad_boxes: Drop and count bad boxes instead of refusing the recording.
        console: Where to draw a progress bar, or None for none.

    Raises:
        ConfigError: When `workers` is not positive.
        DataError: When a folder or file is missing, the output folder holds something else, recordings cannot be used
            (all are named), none has labels, or the disk is full.
    """
    if workers < 1:
        raise ConfigError(f"`workers` must be at least 1, got {workers}")
    if downsample_by_factor_2 is None:
        downsample_by_factor_2 = LABEL_RULES[dataset].downsample_by_factor_2
    settings = PreprocessSettings(dataset, layout, downsample_by_factor_2, drop_bad_boxes)
    recordings = find_recordings(raw_root)
    claim_folder(out_root, settings)
    _remove_leftovers(out_root)
    waiting = [recording for recording in recordings if not (out_root / recording.split / recording.name).is_dir()]
    sizes = {recording: recording.events_path.stat().st_size for recording in waiting}

    reports: list[RecordingReport] = []
    errors: list[DataError] = []
    with ExitStack() as stack:
        stack.callback(_remove_leftovers, out_root)
        bar = stack.enter_context(Progress(console=console, disable=console is None))
        task = bar.add_task("preprocessing", total=sum(sizes.values()))
        run = _run_here if workers == 1 else partial(_run_in_processes, workers=workers)
        outcomes = run(waiting, sizes, out_root, settings, lambda size: bar.advance(task, size))
        for outcome in stack.enter_context(closing(outcomes)):
            match outcome:
                case DiskFullError():
                    raise outcome
                case DataError():
                    errors.append(outcome)
                case RecordingReport():
                    reports.append(outcome)
            done = len(reports) + len(errors)
            bar.update(task, description=f"preprocessing {done}/{len(waiting)} recordings")

    already_done = len(recordings) - len(waiting)
    if errors:
        causes = "\n".join(f"- {error}" for error in errors)
        raise DataError(
            f"{len(errors)} of {len(recordings)} recordings could not be preprocessed; the others are finished in "
            f"{out_root}. Mend these and run the same command again:\n{causes}"
        )
    summary = PreprocessSummary(
        written=tuple(report for report in reports if report.frames),
        without_labels=tuple(report for report in reports if not report.frames),
        already_done=already_done,
    )
    if not summary.written and not already_done:
        raise DataError(
            f"{raw_root}: no recording has a label left under the rules of {dataset!r}: dropped boxes "
            f"{summary.dropped_boxes}, and labels before 0.1 s are not used; check --dataset and the box files"
        )
    return summary


def _run_here(
    recordings: list[RawRecording],
    sizes: dict[RawRecording, int],
    out_root: Path,
    settings: PreprocessSettings,
    advance: OnProgress,
) -> Generator[Outcome]:
    for recording in recordings:
        yield _outcome(recording, sizes[recording], out_root, settings, advance)


def _run_in_processes(
    recordings: list[RawRecording],
    sizes: dict[RawRecording, int],
    out_root: Path,
    settings: PreprocessSettings,
    advance: OnProgress,
    *,
    workers: int,
) -> Generator[Outcome]:
    # Spawned, not forked: HDF5 and the decoders hold locks and threads that a fork would tear apart.
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(workers, mp_context=context) as pool:
        progress: queue.Queue[float] = manager.Queue()
        # The largest first, so that no process is left with a long one at the end.
        pending = {
            pool.submit(_outcome, recording, sizes[recording], out_root, settings, progress.put)
            for recording in sorted(recordings, key=lambda recording: -sizes[recording])
        }
        try:
            while pending:
                done, pending = wait(pending, timeout=_POLL_S, return_when=FIRST_COMPLETED)
                while not progress.empty():
                    advance(progress.get())
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise DataError(
                "a process was killed while preprocessing, most likely for want of memory; run the same command again "
                f"with fewer --workers than {workers}: finished sequences are kept"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _outcome(
    recording: RawRecording, size: int, out_root: Path, settings: PreprocessSettings, advance: OnProgress
) -> Outcome:
    try:
        return preprocess_recording(recording, out_root, settings, lambda share: advance(share * size))
    except DataError as error:
        return error


def _remove_leftovers(out_root: Path) -> None:
    """Remove sequences in the making whose process is gone."""
    folder = out_root / PARTIAL_FOLDER
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        process = entry.name.rpartition("-")[2]
        if process.isdecimal() and not _is_running(int(process)):
            shutil.rmtree(entry, ignore_errors=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
