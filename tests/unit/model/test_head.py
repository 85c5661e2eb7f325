import math

import pytest
import torch

from trainable.model.geometry import pyramid_anchors
from trainable.model.head import YoloxHead, decode


def test_boxes_are_decoded_from_cells_to_pixels():
    anchors = pyramid_anchors([(1, 2)], [8])
    outputs = torch.tensor([[[0.5, 0.25, math.log(2), math.log(3), -1.0, 2.0], [0.5, 0.25, 0.0, 0.0, 0.0, 0.0]]])
    expected = [[4.0, 2.0, 16.0, 24.0, -1.0, 2.0], [12.0, 2.0, 8.0, 8.0, 0.0, 0.0]]
    torch.testing.assert_close(decode(outputs, anchors)[0], torch.tensor(expected))


def test_half_precision_does_not_overflow_in_decoding():
    outputs = torch.full((1, 1, 6), 12.0, dtype=torch.float16)
    decoded = decode(outputs, pyramid_anchors([(1, 1)], [32]))
    assert decoded.dtype == torch.float32
    assert decoded[0, 0, 2].item() == pytest.approx(32 * math.exp(12))


def test_objectness_and_classes_start_at_a_probability_of_one_percent():
    torch.manual_seed(0)
    head = YoloxHead(num_classes=3, in_channels=[16, 32, 64], depthwise=False, act="silu").eval()
    maps = [torch.zeros(1, channels, size, size) for channels, size in ((16, 4), (32, 2), (64, 1))]
    for layer in (*head.obj_preds, *head.cls_preds):
        torch.testing.assert_close(layer.bias.sigmoid(), torch.full_like(layer.bias, 0.01))
    assert head(maps)[..., 4:].sigmoid().mean().item() == pytest.approx(0.01, rel=0.5)


def test_outputs_come_in_the_order_of_the_anchors():
    head = YoloxHead(num_classes=1, in_channels=[16, 32, 64], depthwise=True, act="relu").eval()
    maps = [torch.zeros(1, channels, *size) for channels, size in ((16, (2, 3)), (32, (1, 2)), (64, (1, 1)))]
    quiet = head(maps)
    assert quiet.shape == (1, 9, 6)
    maps[1][0, :, 0, 1] = 5.0
    changed = (head(maps) - quiet).abs().amax(dim=-1)[0] > 0
    assert changed.tolist() == [False] * 6 + [True] * 2 + [False]
