"""Reading checkpoints, and loading weights under RVT's keys."""

import pickle
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainable.errors import CheckpointError

_LIGHTNING_PREFIX = "mdl."
_SHOWN_KEYS = 3

# Part of a key -> the options that decide whether it exists and which shape it has.
_DECIDING_OPTIONS = (
    ("stages.0.downsample_cf2cl.conv", "model.backbone.input_channels"),
    ("stages.0.downsample_cf2cl.conv", "model.backbone.stem.patch_size"),
    ("downsample_cf2cl.conv", "model.backbone.stage.downsample.overlap"),
    ("downsample_cf2cl.norm", "model.backbone.stage.downsample.norm_affine"),
    ("backbone.", "model.backbone.embed_dim and dim_multiplier"),
    ("att_blocks", "model.backbone.num_blocks"),
    (".mlp.", "model.backbone.stage.attention.mlp_ratio, mlp_gated and mlp_bias"),
    (".self_attn.", "model.backbone.stage.attention.attention_bias"),
    (".ls1.", "model.backbone.stage.attention.ls_init_value"),
    ("conv3x3_dws", "model.backbone.stage.lstm.dws_conv, dws_conv_only_hidden and dws_conv_kernel_size"),
    ("fpn.", "model.fpn.in_stages, depth and depthwise"),
    ("yolox_head.", "model.fpn.in_stages and model.head.depthwise"),
    ("cls_preds", "model.head.num_classes"),
)


def read_checkpoint(path: str | Path, *, allow_unpickling: bool = False) -> dict[str, Any]:
    """Reads a checkpoint into CPU memory.

    Args:
        path: A file written by `torch.save`, such as a Lightning checkpoint.
        allow_unpickling: Whether to load a file that holds more than tensors and plain values. Doing so runs code
            from the file.

    Returns:
        The dictionary in the file.

    Raises:
        CheckpointError: If the file is missing or damaged, needs unpickling that was not allowed, or holds no
            dictionary.
    """
    if not Path(path).is_file():
        raise CheckpointError(f"expected a checkpoint file at {path}, found none: check the path")
    if not zipfile.is_zipfile(path):
        raise CheckpointError(
            f"{path} is no checkpoint written by torch.save, or was cut short: copy or download it again"
        )
    try:
        foreign = [] if allow_unpickling else torch.serialization.get_unsafe_globals_in_checkpoint(path)
        if foreign:
            raise CheckpointError(
                f"{path} holds more than tensors and plain values ({_shortened(sorted(foreign))}), and loading that "
                "could run code from the file. If you trust its origin, as with the checkpoints published by RVT's "
                "authors, pass allow_unpickling=true"
            )
        content = torch.load(path, map_location="cpu", weights_only=not allow_unpickling)
    except ImportError as error:
        raise CheckpointError(
            f"{path} holds objects of a Python package that is not installed ({error}): install that package"
        ) from error
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, OSError, LookupError, AttributeError) as error:
        raise CheckpointError(f"{path} is damaged ({error}): copy or download it again") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"expected a dictionary in the checkpoint {path}, got {type(content).__name__}")
    return content


def read_weights(path: str | Path, *, allow_unpickling: bool = False) -> dict[str, Tensor]:
    """Reads the weights of a Lightning checkpoint, such as those published by RVT's authors, or a bare state dict.

    Args:
        path: The checkpoint file.
        allow_unpickling: As for `read_checkpoint`.

    Returns:
        Keys as in the file, to be given to `Detector.load_rvt_state_dict`.

    Raises:
        CheckpointError: As for `read_checkpoint`, or if there are no weights in the file.
    """
    checkpoint = read_checkpoint(path, allow_unpickling=allow_unpickling)
    weights = checkpoint.get("state_dict", checkpoint)
    if not isinstance(weights, Mapping) or not weights or not all(isinstance(v, Tensor) for v in weights.values()):
        raise CheckpointError(
            f'expected tensors under "state_dict" in the checkpoint {path}, or a bare state dict; it holds '
            f"{_shortened(checkpoint)}"
        )
    return dict(weights)


def load_rvt_weights(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Loads weights into a module whose state dict has RVT's keys.

    Args:
        module: The detector.
        weights: Keys with or without Lightning's prefix `mdl.`.

    Raises:
        CheckpointError: If the keys or shapes are not the module's own. Nothing is loaded then.
    """
    given = {key.removeprefix(_LIGHTNING_PREFIX): value for key, value in weights.items()}
    expected = module.state_dict()
    missing = [key for key in expected if key not in given]
    unexpected = [key for key in given if key not in expected]
    misshaped = [key for key in expected if key in given and expected[key].shape != given[key].shape]
    problems = []
    if missing:
        problems.append(f"{len(missing)} keys of this detector are missing: {_shortened(missing)}")
    if unexpected:
        problems.append(f"{len(unexpected)} keys are unknown to this detector: {_shortened(unexpected)}")
    if misshaped:
        shapes = [f"{key} {list(given[key].shape)} instead of {list(expected[key].shape)}" for key in misshaped]
        problems.append(f"{len(misshaped)} have another shape: {_shortened(shapes)}")
    if problems:
        raise CheckpointError(
            f"the checkpoint belongs to another architecture. Of its {len(given)} keys and the detector's "
            f"{len(expected)}:\n  - "
            + "\n  - ".join(problems)
            + f"\nCheck {'; '.join(_deciding_options([*missing, *unexpected, *misshaped]))}."
        )
    module.load_state_dict(given)


def _deciding_options(keys: Iterable[str]) -> list[str]:
    keys = list(keys)
    options = [option for part, option in _DECIDING_OPTIONS if any(part in key for key in keys)]
    return options or ["which file this is"]


def _shortened(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:_SHOWN_KEYS]) + (", ..." if len(names) > _SHOWN_KEYS else "")
