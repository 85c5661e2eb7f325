import random
from pathlib import Path

import numpy as np
import torch

from trainable.random_states import random_states, restore_random_states


def draw() -> tuple[float, float, float, float]:
    return random.random(), float(np.random.random()), float(np.random.normal()), float(torch.rand(()))


def test_restored_generators_repeat_their_numbers_after_a_way_through_a_checkpoint(tmp_path: Path) -> None:
    draw()
    torch.save(random_states(), tmp_path / "states.pt")
    expected = [draw() for _ in range(3)]
    restore_random_states(torch.load(tmp_path / "states.pt", weights_only=True))
    assert [draw() for _ in range(3)] == expected
