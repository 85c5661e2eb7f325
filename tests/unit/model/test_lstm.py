import pytest
import torch
import torch.nn.functional as F

from trainable.errors import ConfigError
from trainable.model.lstm import ConvLstm, LstmOptions

VARIANTS = [
    LstmOptions(),
    LstmOptions(dws_conv=True, dws_conv_only_hidden=True),
    LstmOptions(dws_conv=True, dws_conv_only_hidden=False, dws_conv_kernel_size=5),
]


def plain_step(lstm, options, x, hidden, cell):
    """One step as the equations say: gates from the concatenation of input and hidden state, channels first."""
    if options.dws_conv and options.dws_conv_only_hidden:
        hidden = lstm.conv3x3_dws(hidden)
    both = torch.cat((x, hidden), dim=1)
    if options.dws_conv and not options.dws_conv_only_hidden:
        both = lstm.conv3x3_dws(both)
    forget, write, read, update = F.conv2d(both, lstm.conv1x1.weight, lstm.conv1x1.bias).chunk(4, dim=1)
    cell = forget.sigmoid() * cell + write.sigmoid() * update.tanh()
    return read.sigmoid() * cell.tanh(), cell


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize("with_state", [False, True])
def test_lstm_equals_its_equations_step_by_step(options, with_state):
    torch.manual_seed(0)
    lstm = ConvLstm(6, options)
    x = torch.randn(4, 2, 3, 5, 6)
    state = (torch.randn(2, 6, 3, 5), torch.randn(2, 6, 3, 5)) if with_state else None
    features, (hidden, cell) = lstm(x, state)

    expected_hidden, expected_cell = state or (torch.zeros(2, 6, 3, 5), torch.zeros(2, 6, 3, 5))
    for step, step_features in zip(x.permute(0, 1, 4, 2, 3), features, strict=True):
        expected_hidden, expected_cell = plain_step(lstm, options, step, expected_hidden, expected_cell)
        torch.testing.assert_close(step_features, expected_hidden)
    torch.testing.assert_close(hidden, expected_hidden)
    torch.testing.assert_close(cell, expected_cell)


def test_dropout_affects_what_is_written_into_the_cell_in_training_only():
    torch.manual_seed(0)
    lstm = ConvLstm(6, LstmOptions(drop_cell_update=1.0))
    x = torch.randn(1, 2, 3, 5, 6)
    assert lstm(x, None)[1][1].eq(0).all()
    assert lstm.eval()(x, None)[1][1].ne(0).all()


def test_the_cell_keeps_single_precision_under_autocast():
    lstm = ConvLstm(6, LstmOptions())
    with torch.autocast("cpu", torch.bfloat16):
        features, (hidden, cell) = lstm(torch.randn(2, 1, 3, 5, 6), None)
    assert features.dtype == hidden.dtype == torch.bfloat16
    assert cell.dtype == torch.float32


def test_a_state_from_autocast_is_accepted_in_single_precision():
    lstm = ConvLstm(6, LstmOptions())
    x = torch.randn(1, 1, 3, 5, 6)
    with torch.autocast("cpu", torch.bfloat16):
        _, state = lstm(x, None)
    features, _ = lstm(x, state)
    assert features.dtype == torch.float32


def test_an_even_kernel_is_refused():
    with pytest.raises(ConfigError, match="dws_conv_kernel_size must be odd, got 4"):
        ConvLstm(6, LstmOptions(dws_conv=True, dws_conv_kernel_size=4))
