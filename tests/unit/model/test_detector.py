import pytest
import torch

from trainable.errors import CheckpointError
from trainable.model import AttentionOptions, Detector


def last(features):
    return {stage: maps[-1] for stage, maps in features.items()}


@pytest.mark.parametrize(
    ("embed_dim", "dim_head", "depth", "millions"), [(32, 32, 0.33, 4.4), (48, 24, 0.33, 9.9), (64, 32, 0.67, 18.5)]
)
def test_tiny_small_and_base_have_the_published_number_of_parameters(embed_dim, dim_head, depth, millions):
    attention = AttentionOptions(dim_head=dim_head)
    detector = Detector(
        input_hw=(64, 64), num_classes=3, embed_dim=embed_dim, attention=attention, fpn_depth=depth, partition_split=1
    )
    assert round(sum(parameter.numel() for parameter in detector.parameters()) / 1e6, 1) == millions


@pytest.mark.parametrize("patch_size", [2, 3, 4, 8])
@pytest.mark.parametrize("in_stages", [(2, 3, 4), (1, 2, 3, 4)])
def test_predictions_follow_the_anchors_for_every_patch_size(small_detector, events, patch_size, in_stages):
    detector = small_detector(patch_size=patch_size, in_stages=in_stages, input_hw=(61, 91))
    anchors = detector.anchors()
    with torch.no_grad():
        predictions = detector.predict(last(detector.backbone(events)[0]))
    assert predictions.shape == (2, len(anchors.x), 5 + 3)
    assert set(anchors.stride.tolist()) == {patch_size * 2 ** (stage - 1) for stage in in_stages}
    # The centre that an untrained head predicts lies near its anchor.
    centres = torch.stack((anchors.x, anchors.y), dim=-1) * anchors.stride[:, None]
    assert ((predictions[..., :2] - centres).abs() < 2 * anchors.stride[:, None]).all()


def test_detect_gives_the_probabilities_of_predict_where_there_is_no_padding(small_detector):
    detector = small_detector(input_hw=(64, 96))
    features, _ = detector.backbone(torch.randint(0, 5, (1, 2, 4, 64, 96)).float())
    predicted, detected = detector.predict(last(features)), detector.detect(last(features))
    assert torch.equal(detected[..., :4], predicted[..., :4])
    assert torch.equal(detected[..., 4:], predicted[..., 4:].sigmoid())


@pytest.mark.parametrize("frame_hw", [None, (40, 70), (33, 40)])
def test_nothing_is_detected_on_padding(small_detector, events, frame_hw):
    detector = small_detector(input_hw=(50, 70))
    height, width = frame_hw or (50, 70)
    features = last(detector.backbone(events[..., :height, :width])[0])
    predicted, detected = detector.predict(features), detector.detect(features, frame_hw)
    on_padding = (predicted[..., 0] >= width) | (predicted[..., 1] >= height)
    assert on_padding.any()
    assert torch.equal(detected[..., 4] == 0, on_padding)
    assert torch.equal(detected[~on_padding][:, 4:], predicted[~on_padding][:, 4:].sigmoid())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_gives_single_precision_predictions_near_the_exact_ones(small_detector, events, dtype):
    detector = small_detector()
    with torch.no_grad():
        exact = detector.detect(last(detector.backbone(events)[0]))
        with torch.autocast("cpu", dtype):
            approximate = detector.detect(last(detector.backbone(events)[0]))
    assert approximate.dtype == torch.float32
    torch.testing.assert_close(approximate, exact, atol=1.0, rtol=0.05)


def test_anchors_stay_exact_in_a_half_precision_module():
    detector = Detector(input_hw=(32, 4096), num_classes=1, input_channels=2, embed_dim=32, partition_split=1)
    expected = detector.anchors()
    for values, exact in zip(detector.bfloat16().anchors(), expected, strict=True):
        assert torch.equal(values, exact)


def test_frames_do_not_influence_each_other_in_evaluation(small_detector, events):
    detector = small_detector()
    features = last(detector.backbone(events)[0])
    both = detector.detect(features)
    one = detector.detect({stage: maps[1:] for stage, maps in features.items()})
    torch.testing.assert_close(both[1:], one)


def test_weights_load_with_and_without_lightnings_prefix(small_detector):
    source = small_detector()
    for parameter in source.parameters():
        torch.nn.init.normal_(parameter)
    for prefix in ("", "mdl."):
        target = small_detector()
        target.load_rvt_state_dict({prefix + key: value for key, value in source.state_dict().items()})
        torch.testing.assert_close(target.state_dict(), source.state_dict(), atol=0, rtol=0)


def test_weights_of_another_architecture_are_refused_and_nothing_is_loaded(small_detector):
    detector = small_detector()
    before = {key: value.clone() for key, value in detector.state_dict().items()}
    other = small_detector(num_classes=5, in_stages=(1, 2, 3, 4)).state_dict()
    del other["fpn.lateral_conv0.conv.weight"]
    with pytest.raises(CheckpointError) as raised:
        detector.load_rvt_state_dict({key: value + 1 for key, value in other.items()})
    message = str(raised.value)
    assert "1 keys of this detector are missing: fpn.lateral_conv0.conv.weight" in message
    assert "keys are unknown to this detector: fpn.reduce_conv2.conv.weight" in message
    assert "yolox_head.cls_preds.0.weight [5, 32, 1, 1] instead of [3, 32, 1, 1]" in message
    assert "model.fpn.in_stages" in message
    assert "model.head.num_classes" in message
    assert "num_blocks" not in message
    torch.testing.assert_close(detector.state_dict(), before, atol=0, rtol=0)
