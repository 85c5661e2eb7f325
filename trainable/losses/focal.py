"""Focal loss of independent class logits."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def sigmoid_focal_loss(
    logits: Float[Tensor, "*n"], targets: Float[Tensor, "*n"], *, alpha: float = 0.25, gamma: float = 2.0
) -> Float[Tensor, "*n"]:
    """Binary cross entropy of each logit, scaled down where the prediction is already right.

    Args:
        logits: Any shape.
        targets: Probabilities in [0, 1] of the same shape.
        alpha: Weight of the positive target; the negative one weighs `1 - alpha`.
        gamma: How strongly easy predictions are scaled down; 0 for not at all.

    Returns:
        The loss of each element.

    Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, equation 5.
    """
    probabilities = torch.sigmoid(logits)
    right = probabilities * targets + (1 - probabilities) * (1 - targets)
    balance = alpha * targets + (1 - alpha) * (1 - targets)
    entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return balance * (1 - right) ** gamma * entropy
