"""One stage of the backbone: downsampling, window and grid attention, LSTM."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from trainable.model.attention import AttentionOptions, PartitionAttention
from trainable.model.geometry import HeightWidth
from trainable.model.lstm import ConvLstm, LstmOptions
from trainable.types import LstmState


@dataclass(frozen=True)
class DownsampleOptions:
    """What the downsampling of all stages shares; the defaults are RVT's."""

    overlap: bool = True
    """Whether neighbouring cells see overlapping patches."""
    norm_affine: bool = True
    """Whether the norm has learnt factors and offsets."""


class Downsample(nn.Module):
    """A convolution over patches and a norm, channels first to channels last.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        factor: Input cells per output cell along an axis.
        options: What all stages share.
    """

    def __init__(self, in_channels: int, out_channels: int, factor: int, options: DownsampleOptions) -> None:
        super().__init__()
        kernel, padding = (2 * factor - 1, factor - 1) if options.overlap else (factor, 0)
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride=factor, padding=padding, bias=False)
        self.norm = nn.LayerNorm(out_channels, elementwise_affine=options.norm_affine)

    def forward(
        self, frames: Float[Tensor, "frames in_channels height width"]
    ) -> Float[Tensor, "frames rows columns channels"]:
        """Downsamples each frame by `factor`."""
        cells: Tensor = self.norm(self.conv(frames).permute(0, 2, 3, 1))
        return cells


class MaxVitBlock(nn.Module):
    """Window attention, then grid attention.

    Args:
        channels: Channels of the feature maps.
        partition_size: Height and width of a partition in cells.
        options: What all blocks share.
        normed_input: Whether the input is normalised already.
    """

    def __init__(
        self, channels: int, partition_size: HeightWidth, options: AttentionOptions, *, normed_input: bool
    ) -> None:
        super().__init__()
        self.att_window = PartitionAttention(channels, "window", partition_size, options, normed_input=normed_input)
        self.att_grid = PartitionAttention(channels, "grid", partition_size, options)

    def forward(
        self, x: Float[Tensor, "frames height width channels"]
    ) -> Float[Tensor, "frames height width channels"]:
        """Attends within windows and over the whole map."""
        attended: Tensor = self.att_grid(self.att_window(x))
        return attended


class Stage(nn.Module):
    """Downsampling and attention on all frames at once, then the LSTM through time.

    Neither downsampling nor attention sees the stage's own past, so the number of time steps a call does not change
    the result.

    Args:
        in_channels: Channels of the input.
        channels: Channels of the stage.
        factor: Input cells per cell of this stage along an axis.
        num_blocks: Number of `MaxVitBlock`s.
        partition_size: Height and width of a partition in cells.
        downsample: Options of the downsampling.
        attention: Options of the attention blocks.
        lstm: Options of the LSTM.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        factor: int,
        num_blocks: int,
        partition_size: HeightWidth,
        downsample: DownsampleOptions,
        attention: AttentionOptions,
        lstm: LstmOptions,
    ) -> None:
        super().__init__()
        self.downsample_cf2cl = Downsample(in_channels, channels, factor, downsample)
        self.att_blocks = nn.Sequential(
            *(MaxVitBlock(channels, partition_size, attention, normed_input=i == 0) for i in range(num_blocks))
        )
        self.lstm = ConvLstm(channels, lstm)

    def forward(
        self, frames: Float[Tensor, "time batch in_channels height width"], state: LstmState | None
    ) -> tuple[Float[Tensor, "time batch channels rows columns"], LstmState]:
        """Runs the stage through time.

        Args:
            frames: Input of every time step.
            state: Hidden state and cell before the first step, each `(batch, channels, rows, columns)`; `None`: zeros.

        Returns:
            The features of each time step, and the state after the last.
        """
        cells = self.att_blocks(self.downsample_cf2cl(frames.flatten(0, 1)))
        features, state = self.lstm(cells.unflatten(0, frames.shape[:2]), state)
        return features, state
