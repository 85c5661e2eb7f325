"""Sparse loading against dense loading, and the cost of finding one's place in the schedule.

Run as `python tests/benchmarks/loading.py`. Figures of one run compare with each other, not with those of another
machine.
"""

import sys
import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time

import h5py
import numpy as np
import torch

from trainable.boxes import BOX_DTYPE
from trainable.config.dataset_schema import FactorRange, Rotate, StreamAugmentation, StreamZoom, ZoomOut
from trainable.data import Batch, DetectionDataset, Sequence, TrainSampler, data_loader
from trainable.data.representation_store import Layout, frame_writer, representation_file
from trainable.data.schedule import StreamSchedule
from trainable.data.windows import Chunk

ROWS, TIME, FRAMES = 12, 5, 60
SHAPE = (20, 360, 640)
OCCUPIED = 0.01
REPRESENTATION = "stacked_histogram"
AUGMENTATION = StreamAugmentation(
    prob_hflip=1.0,
    rotate=Rotate(prob=0.0, min_angle_deg=0.0, max_angle_deg=0.0),
    zoom=StreamZoom(prob=1.0, zoom_out=ZoomOut(factor=FactorRange(min=1.1, max=1.2))),
)


def write_sequence(folder: Path, layout: Layout) -> Sequence:
    rng = np.random.default_rng(0)
    representation = folder / "event_representations_v2" / REPRESENTATION
    representation.mkdir(parents=True)
    (folder / "labels_v2").mkdir()
    boxes = np.zeros(FRAMES, dtype=BOX_DTYPE)
    boxes["w"] = boxes["h"] = 20
    np.save(representation / "timestamps_us.npy", 50_000 * np.arange(1, FRAMES + 1))
    np.save(representation / "objframe_idx_2_repr_idx.npy", np.arange(FRAMES))
    np.savez(folder / "labels_v2" / "labels.npz", labels=boxes, objframe_idx_2_label_idx=np.arange(FRAMES))
    cells = int(np.prod(SHAPE))
    with frame_writer(
        representation / representation_file(layout, downsample_by_factor_2=False), layout, SHAPE
    ) as append:
        for _ in range(FRAMES):
            frame = np.zeros(cells, dtype=np.uint8)
            frame[rng.integers(0, cells, int(OCCUPIED * cells))] = 1
            append(frame.reshape(SHAPE))
    return Sequence(folder, representation=REPRESENTATION, downsample_by_factor_2=False)


def frames_a_second(step: Callable[[], object], repeats: int = 5) -> float:
    step()
    begun = perf_counter()
    for _ in range(repeats):
        step()
    return repeats * ROWS * TIME / (perf_counter() - begun)


def batches(sequence: Sequence, augmentation: StreamAugmentation | None = None) -> Callable[[], Batch]:
    sampler = TrainSampler([sequence], sampling="stream", batch_size=ROWS, sequence_length=TIME, seed=0)
    dataset = DetectionDataset([sequence], stream_augmentation=augmentation)
    loader = iter(data_loader(dataset, sampler, num_workers=0))
    return lambda: next(loader)


def dense_as_rvt(path: Path, device: str) -> Callable[[], torch.Tensor]:
    """Reads whole frames and sends them as they are."""

    def step() -> torch.Tensor:
        with h5py.File(path) as file:
            rows = [torch.from_numpy(file["data"][:TIME]) for _ in range(ROWS)]
        return torch.stack(rows, dim=1).to(device)

    return step


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as folder:
        sparse = write_sequence(Path(folder) / "sparse", "sparse")
        rvt = write_sequence(Path(folder) / "rvt", "rvt")
        rvt_file = next((Path(folder) / "rvt").rglob("*.h5"))
        sizes = {
            layout: sum(file.stat().st_size for file in (Path(folder) / layout).rglob("*.h5"))
            for layout in ("sparse", "rvt")
        }
        plain, augmented, from_rvt = batches(sparse), batches(sparse, AUGMENTATION), batches(rvt)
        one, one_augmented = plain().to(device), augmented().to(device)
        figures = {
            "whole frames, as RVT loads them": frames_a_second(dense_as_rvt(rvt_file, device)),
            "sparse file, dense on the device": frames_a_second(lambda: plain().to(device).dense_events()),
            "the same, flipped and zoomed": frames_a_second(lambda: augmented().to(device).dense_events()),
            "RVT's file, dense on the device": frames_a_second(lambda: from_rvt().to(device).dense_events()),
            "reading a sparse batch alone": frames_a_second(plain),
            "making it dense alone": frames_a_second(lambda: one.dense_events()),
            "making it dense, flipped and zoomed": frames_a_second(lambda: one_augmented.dense_events()),
        }
        batch_bytes = one.indices.nbytes + one.values.nbytes
    baseline = figures["whole frames, as RVT loads them"]
    out = sys.stdout.write
    out(f"{ROWS} rows x {TIME} frames of {SHAPE}, {OCCUPIED:.0%} of the cells occupied, one process, {device}\n")
    for name, figure in figures.items():
        out(f"{name:38} {figure:9.0f} frames/s {figure / baseline:7.2f} x\n")
    out(f"bytes of a batch, dense over sparse: {ROWS * TIME * np.prod(SHAPE) / batch_bytes:.0f} x\n")
    out(f"bytes on disk, RVT's layout over the sparse one: {sizes['rvt'] / sizes['sparse']:.2f} x\n")

    for name, windows in (("of 240 windows", 240), ("of a single window", 1)):
        chunks = [Chunk(number, 0, windows * TIME) for number in range(110)]
        begun = process_time()
        StreamSchedule(chunks, rows=ROWS, sequence_length=TIME, seed=0).advance(200_000)
        out(f"200,000 batches of {ROWS} rows skipped, chunks {name}: {process_time() - begun:.2f} s\n")
    sampler = TrainSampler([sparse], sampling="stream", batch_size=ROWS, sequence_length=TIME, seed=0)
    begun = process_time()
    named = len(list(islice(sampler, 10_000)))
    out(f"naming {named:,} batches: {process_time() - begun:.2f} s\n")


if __name__ == "__main__":
    main()
