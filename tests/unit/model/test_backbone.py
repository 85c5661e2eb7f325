import pytest
import torch

from trainable.errors import DataError
from trainable.model import LstmOptions, reset_state


def differentiated(detector, events, state):
    """Features, state and gradients of one call."""
    features, state = detector.backbone(events, state)
    sum(maps.square().mean() for maps in features.values()).backward()
    gradients = {name: parameter.grad for name, parameter in detector.backbone.named_parameters()}
    return features, state, gradients


@pytest.mark.parametrize("lstm", [LstmOptions(), LstmOptions(dws_conv=True)])
def test_both_forms_give_the_same_numbers_and_gradients(small_detector, events, lstm):
    with torch.no_grad():
        _, start = small_detector(lstm=lstm).backbone(events)
    batched = differentiated(small_detector(lstm=lstm, time_batched=True), events, start)
    looped = differentiated(small_detector(lstm=lstm, time_batched=False), events, start)
    for batched_part, looped_part in zip(batched, looped, strict=True):
        torch.testing.assert_close(batched_part, looped_part, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("time_batched", [True, False])
def test_a_sequence_can_be_cut_anywhere_if_the_state_is_carried(small_detector, events, time_batched):
    backbone = small_detector(time_batched=time_batched).backbone
    with torch.no_grad():
        whole, whole_state = backbone(events)
        first, state = backbone(events[:1])
        second, state = backbone(events[1:], state)
    for stage, maps in whole.items():
        torch.testing.assert_close(torch.cat((first[stage], second[stage])), maps)
    torch.testing.assert_close(state, whole_state)


def test_features_have_one_map_a_stage_at_strides_p_2p_4p_8p(small_detector, events):
    features, state = small_detector(patch_size=3).backbone(events)
    assert {stage: tuple(maps.shape) for stage, maps in features.items()} == {
        1: (3, 2, 16, 24, 32),
        2: (3, 2, 32, 12, 16),
        3: (3, 2, 64, 6, 8),
        4: (3, 2, 128, 3, 4),
    }
    for maps, (hidden, cell) in zip(features.values(), state, strict=True):
        assert hidden.shape == cell.shape == maps.shape[1:]
        torch.testing.assert_close(hidden, maps[-1])


def test_uint8_and_float_events_give_the_same_features(small_detector, events):
    backbone = small_detector().backbone
    torch.testing.assert_close(backbone(events)[0], backbone(events.float())[0], atol=0, rtol=0)


def test_smaller_frames_equal_the_same_frames_padded_with_zeros(small_detector, events):
    backbone = small_detector().backbone
    small = events[..., :37, :53]
    padded = torch.zeros_like(events)
    padded[..., :37, :53] = small
    torch.testing.assert_close(backbone(small)[0], backbone(padded)[0], atol=0, rtol=0)


def test_larger_frames_are_refused_with_both_sizes(small_detector):
    with pytest.raises(DataError, match=r"60x90 pixels .* got 60x91"):
        small_detector().backbone(torch.zeros(1, 1, 4, 60, 91))


def test_frames_with_other_channels_are_refused(small_detector):
    with pytest.raises(DataError, match=r"must have 4 channels, .* got 5"):
        small_detector().backbone(torch.zeros(1, 1, 5, 60, 90))


def test_resetting_a_row_equals_starting_it_afresh(small_detector, events):
    backbone = small_detector().backbone
    with torch.no_grad():
        _, state = backbone(events)
        mixed, _ = backbone(events[:1], reset_state(state, torch.tensor([True, False])))
        fresh, _ = backbone(events[:1])
        carried, _ = backbone(events[:1], state)
    torch.testing.assert_close(mixed[4][:, 0], fresh[4][:, 0])
    torch.testing.assert_close(mixed[4][:, 1], carried[4][:, 1])
    assert not torch.allclose(fresh[4], carried[4])


def test_resetting_forgets_nan_too():
    state = ((torch.full((1, 2, 3, 3), torch.nan), torch.full((1, 2, 3, 3), torch.nan)),)
    assert reset_state(state, torch.tensor([True]))[0][0].eq(0).all()


def test_there_is_nothing_to_reset_before_the_first_call():
    assert reset_state(None, torch.tensor([True])) is None
