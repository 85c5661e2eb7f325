"""The recurrent backbone: four stages of downsampling, attention and LSTM."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Num
from torch import Tensor, nn

from trainable.errors import DataError
from trainable.model.attention import AttentionOptions
from trainable.model.geometry import STAGES, HeightWidth, padded_hw, partition_hw
from trainable.model.lstm import LstmOptions
from trainable.model.stage import DownsampleOptions, Stage
from trainable.types import Features, RecurrentState


class RecurrentBackbone(nn.Module):
    """Turns sequences of event frames into features at four resolutions.

    A stage sees its own past only in its LSTM, so a stage can run its convolution and attention on all time steps at
    once. That form and the plain loop through time give the same numbers; the first needs far fewer kernels, the
    second keeps a CPU's caches warm.

    Source: Gehrig and Scaramuzza, "Recurrent vision transformers for object detection with event cameras", CVPR 2023.

    Args:
        input_hw: Height and width in pixels of the largest input, before padding.
        input_channels: Channels of an event frame.
        embed_dim: Channels of the first stage for a multiplier of 1.
        dim_multiplier: Channels of each stage, as multiples of `embed_dim`.
        num_blocks: Attention blocks of each stage.
        patch_size: Stride of the first stage in pixels.
        partition_split: Attention windows along each axis of the last stage.
        downsample: Options of the downsampling.
        attention: Options of the attention blocks.
        lstm: Options of the LSTMs.
        time_batched: Whether stages run on all time steps at once; `None`: on a GPU yes, on a CPU no.
    """

    def __init__(
        self,
        *,
        input_hw: HeightWidth,
        input_channels: int,
        embed_dim: int,
        dim_multiplier: tuple[int, int, int, int],
        num_blocks: tuple[int, int, int, int],
        patch_size: int,
        partition_split: int,
        downsample: DownsampleOptions,
        attention: AttentionOptions,
        lstm: LstmOptions,
        time_batched: bool | None,
    ) -> None:
        super().__init__()
        self.input_hw = input_hw
        self.input_channels = input_channels
        self.time_batched = time_batched
        self.padded_hw = padded_hw(input_hw, patch_size, partition_split)
        self.stage_channels = tuple(embed_dim * multiplier for multiplier in dim_multiplier)
        self.stages = nn.ModuleList(
            Stage(
                in_channels,
                channels,
                factor=patch_size if number == 1 else 2,
                num_blocks=blocks,
                partition_size=partition_hw(self.padded_hw, patch_size, partition_split),
                downsample=downsample,
                attention=attention,
                lstm=lstm,
            )
            for number, in_channels, channels, blocks in zip(
                STAGES, (input_channels, *self.stage_channels[:-1]), self.stage_channels, num_blocks, strict=True
            )
        )

    def forward(
        self, events: Num[Tensor, "time batch channels height width"], state: RecurrentState | None = None
    ) -> tuple[Features, RecurrentState]:
        """Runs through a sequence.

        Args:
            events: Event frames, uint8 or floating point, at most as large as `input_hw`. They are padded with zeros on
                the right and at the bottom.
            state: State before the first time step, as returned by an earlier call; `None`: zeros.

        Returns:
            Stage number to features `(time, batch, channels, height, width)`, and the state after the last time step.

        Raises:
            DataError: If the frames are larger than `input_hw` or have another number of channels.
        """
        frames = self._padded(events)
        if self.time_batched or (self.time_batched is None and frames.is_cuda):
            return self._run_stages(frames, state)
        steps = []
        for frame in torch.split(frames, 1):
            features, state = self._run_stages(frame, state)
            steps.append(features)
        assert state is not None
        return {stage: torch.cat([features[stage] for features in steps]) for stage in STAGES}, state

    def _padded(
        self, events: Num[Tensor, "time batch channels height width"]
    ) -> Float[Tensor, "time batch channels padded_height padded_width"]:
        channels, height, width = events.shape[2:]
        if channels != self.input_channels:
            raise DataError(
                f"event frames must have {self.input_channels} channels, as model.backbone.input_channels says, "
                f"got {channels}: the data was preprocessed with another number of bins"
            )
        if height > self.input_hw[0] or width > self.input_hw[1]:
            raise DataError(
                f"event frames must not be larger than the {self.input_hw[0]}x{self.input_hw[1]} pixels (height x "
                f"width) that the detector was built for, got {height}x{width}: choose the dataset of that size, or "
                "check whether the data was preprocessed at half resolution"
            )
        frames = F.pad(events, (0, self.padded_hw[1] - width, 0, self.padded_hw[0] - height))
        device = frames.device.type
        parameter_dtype = next(self.parameters()).dtype
        return frames.to(torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else parameter_dtype)

    def _run_stages(
        self, frames: Float[Tensor, "time batch channels height width"], state: RecurrentState | None
    ) -> tuple[Features, RecurrentState]:
        features, new_state = {}, []
        for number, stage in zip(STAGES, self.stages, strict=True):
            frames, stage_state = stage(frames, None if state is None else state[number - 1])
            features[number] = frames
            new_state.append(stage_state)
        return features, tuple(new_state)


def reset_state(state: RecurrentState | None, reset: Bool[Tensor, " batch"]) -> RecurrentState | None:
    """Forgets the past of some rows of the batch.

    Args:
        state: State as returned by the backbone; `None` stays `None`.
        reset: True for rows in which a new sequence starts.

    Returns:
        A new state that is zero in those rows, and the same in the others.
    """
    if state is None:
        return None
    rows = reset.view(-1, 1, 1, 1)
    return tuple((hidden.masked_fill(rows, 0.0), cell.masked_fill(rows, 0.0)) for hidden, cell in state)
