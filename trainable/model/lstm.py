"""The convolutional LSTM at the end of a stage: the input part of all time steps at once, the hidden part in turn."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from trainable.errors import ConfigError
from trainable.types import LstmState


@dataclass(frozen=True)
class LstmOptions:
    """What the LSTMs of all stages share; the defaults are RVT's."""

    dws_conv: bool = False
    """Whether a depthwise convolution mixes neighbouring cells."""
    dws_conv_only_hidden: bool = True
    """Whether that convolution sees the hidden state only, or the input as well."""
    dws_conv_kernel_size: int = 3
    drop_cell_update: float = 0.0
    """Dropout probability of what is written into the cell."""


class ConvLstm(nn.Module):
    """An LSTM whose gates see one cell of input and hidden state (and, with `dws_conv`, its neighbours).

    Source: RVT (uzh-rpg/RVT, `models/layers/rnn.py`). Deviation: the 1x1 convolution over the concatenation of input
    and hidden state is computed as the sum of one over the inputs of all steps and one over the hidden state. Under
    autocast the hidden state is kept in the gates' precision, to which every reader would round it; the cell is not.

    Args:
        channels: Channels of input, hidden state and cell.
        options: What all stages share.

    Raises:
        ConfigError: If the depthwise kernel is even, so that it would change the size of the map.
    """

    def __init__(self, channels: int, options: LstmOptions) -> None:
        super().__init__()
        self.channels = channels
        self.mixes_input = not options.dws_conv_only_hidden
        self.conv3x3_dws: nn.Conv2d | None = None
        if options.dws_conv:
            kernel = options.dws_conv_kernel_size
            if kernel % 2 == 0:
                raise ConfigError(f"model.backbone.stage.lstm.dws_conv_kernel_size must be odd, got {kernel}")
            mixed = channels if options.dws_conv_only_hidden else 2 * channels
            self.conv3x3_dws = nn.Conv2d(mixed, mixed, kernel, padding=kernel // 2, groups=mixed)
        self.conv1x1 = nn.Conv2d(2 * channels, 4 * channels, 1)
        self.cell_update_dropout = nn.Dropout(options.drop_cell_update)

    def forward(
        self, x: Float[Tensor, "time batch height width channels"], state: LstmState | None
    ) -> tuple[Float[Tensor, "time batch channels height width"], LstmState]:
        """Runs through time.

        Args:
            x: Input of every step, channels last.
            state: Hidden state and cell before the first step, each `(batch, channels, height, width)`; `None`: zeros.

        Returns:
            The hidden state after each step, and the state after the last.
        """
        input_weight, hidden_weight = self.conv1x1.weight.flatten(1).chunk(2, dim=1)
        from_input = F.linear(self._mix_input(x), input_weight, self.conv1x1.bias)
        # Cast once instead of in each step.
        hidden_weight = hidden_weight.to(from_input.dtype)
        if state is None:
            hidden, cell = torch.zeros_like(x[0], dtype=from_input.dtype), torch.zeros_like(x[0])
        else:
            hidden, cell = (part.permute(0, 2, 3, 1) for part in state)
            hidden = hidden.to(from_input.dtype)

        hidden_states = []
        for step_from_input in from_input.unbind():
            mix = step_from_input + F.linear(self._mix_hidden(hidden), hidden_weight)
            gates, update = mix.tensor_split((3 * self.channels,), dim=-1)
            forget_gate, input_gate, output_gate = gates.sigmoid().chunk(3, dim=-1)
            cell = forget_gate * cell + input_gate * self.cell_update_dropout(update.tanh())
            hidden = (output_gate * cell.tanh()).to(mix.dtype)
            hidden_states.append(hidden)
        return torch.stack(hidden_states).movedim(-1, 2), (hidden.permute(0, 3, 1, 2), cell.permute(0, 3, 1, 2))

    def _mix_input(
        self, x: Float[Tensor, "time batch height width channels"]
    ) -> Float[Tensor, "time batch height width channels"]:
        if self.conv3x3_dws is None or not self.mixes_input:
            return x
        return _convolve(x.flatten(0, 1), self.conv3x3_dws, slice(0, self.channels)).reshape(x.shape)

    def _mix_hidden(
        self, hidden: Float[Tensor, "batch height width channels"]
    ) -> Float[Tensor, "batch height width channels"]:
        if self.conv3x3_dws is None:
            return hidden
        return _convolve(hidden, self.conv3x3_dws, slice(-self.channels, None))


def _convolve(
    x: Float[Tensor, "frames height width channels"], depthwise: nn.Conv2d, part: slice
) -> Float[Tensor, "frames height width channels"]:
    """Applies that part of a depthwise convolution that belongs to the channels of `x`."""
    bias = None if depthwise.bias is None else depthwise.bias[part]
    mixed = F.conv2d(
        x.permute(0, 3, 1, 2), depthwise.weight[part], bias, padding=depthwise.padding[0], groups=x.shape[-1]
    )
    return mixed.permute(0, 2, 3, 1)
