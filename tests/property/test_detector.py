"""What holds for every frame size, partition, and set of boxes."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainable.model import AttentionOptions, Detector, postprocess
from trainable.model.attention import merge, partition
from trainable.model.geometry import padded_hw, partition_hw, stage_hw
from trainable.model.nms import suppress_by_group

DETECTOR = Detector(
    input_hw=(50, 70),
    num_classes=2,
    input_channels=2,
    embed_dim=8,
    partition_split=1,
    attention=AttentionOptions(dim_head=8),
    fpn_depth=0.33,
).eval()


@given(
    height=st.integers(1, 50),
    width=st.integers(1, 70),
    spread=st.floats(0, 5),
    seed=st.integers(0, 1000),
)
@settings(max_examples=25, deadline=None)
@torch.no_grad()
def test_padding_never_detects(height, width, spread, seed):
    generator = torch.Generator().manual_seed(seed)
    features = {
        stage: spread * torch.randn((1, channels, *size), generator=generator)
        for (stage, channels), size in zip({1: 8, 2: 16, 3: 32, 4: 64}.items(), stage_hw((64, 96), 4), strict=True)
    }
    (detections,) = postprocess(DETECTOR.detect(features, (height, width)), 2, 1e-9, 1.0)
    centre = (detections[:, :2] + detections[:, 2:4]) / 2
    tolerance = 1e-4 * (1 + detections[:, 2:4].abs())
    assert (centre <= torch.tensor([width, height]) + tolerance).all()


@given(
    height=st.integers(1, 2000),
    width=st.integers(1, 2000),
    patch_size=st.sampled_from([2, 3, 4, 8]),
    split=st.sampled_from([1, 2, 4]),
)
def test_padding_is_the_least_that_all_stages_can_partition(height, width, patch_size, split):
    padded = padded_hw((height, width), patch_size, split)
    rows, columns = partition_hw(padded, patch_size, split)
    for stage_height, stage_width in stage_hw(padded, patch_size):
        assert stage_height % rows == 0
        assert stage_width % columns == 0
    assert padded_hw(padded, patch_size, split) == padded
    for size, original in zip(padded, (height, width), strict=True):
        assert 0 <= size - original < 8 * patch_size * split


@given(
    kind=st.sampled_from(["window", "grid"]),
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    repeats=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    frames=st.integers(1, 3),
)
def test_merging_undoes_partitioning(kind, size, repeats, frames):
    height, width = size[0] * repeats[0], size[1] * repeats[1]
    cells = torch.arange(frames * height * width * 2.0).view(frames, height, width, 2)
    assert torch.equal(merge(partition(cells, kind, size), kind, size, (height, width)), cells)


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(0, 60),
    threshold=st.floats(0.05, 0.95),
)
def test_kept_boxes_overlap_little_and_every_other_overlaps_a_better_one(seed, count, threshold):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 30, (count, 2))
    boxes = np.hstack((corner, corner + rng.uniform(1, 20, (count, 2)))).astype(np.float32)
    scores, groups = rng.random(count).astype(np.float32), rng.integers(0, 3, count)
    kept = suppress_by_group(boxes, scores, groups, threshold)

    overlap = np.clip(
        np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2]), 0, None
    ).prod(axis=2)
    area = np.diagonal(overlap)
    clash = overlap / (area[:, None] + area - overlap) > threshold
    clash &= (groups[:, None] == groups) & ~np.eye(count, dtype=bool)
    assert not clash[np.ix_(kept, kept)].any()
    better = clash & (scores[None, :] >= scores[:, None])
    others = np.setdiff1d(np.arange(count), kept)
    assert better[np.ix_(others, kept)].any(axis=1).all()
