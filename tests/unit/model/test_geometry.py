import pytest

from trainable.model.geometry import padded_hw, partition_hw, pyramid_anchors, stage_hw, stage_strides


@pytest.mark.parametrize(
    ("input_hw", "patch_size", "split", "expected"),
    [
        ((720, 1280), 4, 2, (768, 1280)),
        ((360, 640), 4, 2, (384, 640)),
        ((240, 304), 4, 1, (256, 320)),
        ((480, 640), 4, 2, (512, 640)),
        ((360, 640), 3, 2, (384, 672)),
        ((360, 640), 2, 4, (384, 640)),
        ((720, 1280), 8, 1, (768, 1280)),
        ((1, 1), 3, 1, (24, 24)),
    ],
)
def test_padding_reaches_the_next_multiple_that_all_partitions_divide(input_hw, patch_size, split, expected):
    assert padded_hw(input_hw, patch_size, split) == expected


def test_the_seeds_feature_maps_for_patch_3_hold_up_to_the_padding():
    padded = padded_hw((720, 1280), 3, 2)
    maps = stage_hw(padded, 3)
    assert stage_strides(3) == (3, 6, 12, 24)
    for stride, (height, width), (seed_height, seed_width) in zip(
        stage_strides(3), maps, [(240, 427), (120, 213), (60, 107), (30, 53)], strict=True
    ):
        assert height == seed_height
        assert seed_width <= width <= seed_width + -(-(padded[1] - 1280) // stride) + 1


@pytest.mark.parametrize("patch_size", [2, 3, 4, 8])
@pytest.mark.parametrize("split", [1, 2, 4])
def test_every_stage_divides_into_partitions_of_the_same_size(patch_size, split):
    padded = padded_hw((353, 641), patch_size, split)
    partition = partition_hw(padded, patch_size, split)
    windows = [(height / partition[0], width / partition[1]) for height, width in stage_hw(padded, patch_size)]
    assert windows == [(split * factor, split * factor) for factor in (8, 4, 2, 1)]


def test_partitions_are_rvts_for_patch_size_4():
    assert partition_hw((384, 640), 4, 2) == (6, 10)
    assert partition_hw((256, 320), 4, 1) == (8, 10)


def test_anchors_come_scale_by_scale_and_row_by_row():
    anchors = pyramid_anchors([(2, 3), (1, 2)], [8, 16])
    assert anchors.x.tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert anchors.y.tolist() == [0, 0, 0, 1, 1, 1, 0, 0]
    assert anchors.stride.tolist() == [8] * 6 + [16] * 2
