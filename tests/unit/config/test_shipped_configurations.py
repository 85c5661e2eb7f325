"""Every shipped experiment and detector, composed, built, and run for one training step on small frames."""

from pathlib import Path

import pytest
import torch

from trainable.assembly import build_module, size_aware_settings
from trainable.config import compose
from trainable.memory import worst_case_batch

GROUPS = Path(__file__).parents[3] / "trainable" / "config" / "groups"
EXPERIMENTS = sorted(
    f"dataset={path.parent.name} +experiment/{path.parent.name}={path.stem}"
    for path in (GROUPS / "experiment").glob("gen*/*.yaml")
)
MODELS = sorted(
    f"dataset=etram +model/maxvit_yolox={path.stem}" for path in (GROUPS / "model" / "maxvit_yolox").glob("*.yaml")
)


@pytest.mark.parametrize("command", [*EXPERIMENTS, "dataset=demo +experiment=demo", *MODELS])
def test_a_shipped_configuration_trains_one_step(command: str) -> None:
    small = ["dataset.resolution_hw=[64,64]", "dataset.sequence_length=2", "batch_size.train=1"]
    config = compose([*command.split(), "dataset.path=/data", *small])
    torch.manual_seed(0)
    module = build_module(
        config, size_aware_settings(config, lambda: pytest.fail("no shipped threshold is a quantile"))
    )
    loss = module.training_step(worst_case_batch(config, 1), 0)["loss"]
    loss.backward()
    assert torch.isfinite(loss)
    for name, parameter in module.mdl.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
