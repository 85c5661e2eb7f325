"""Focal loss against its definition."""

import pytest
import torch
import torch.nn.functional as F

from trainable.losses import sigmoid_focal_loss


def test_without_focus_it_is_half_the_cross_entropy() -> None:
    logits, targets = torch.tensor([-3.0, 0.0, 2.0]), torch.tensor([0.0, 1.0, 1.0])
    expected = 0.5 * F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    torch.testing.assert_close(sigmoid_focal_loss(logits, targets, alpha=0.5, gamma=0.0), expected)


def test_even_odds_give_the_value_worked_out_by_hand() -> None:
    losses = sigmoid_focal_loss(torch.zeros(2), torch.tensor([1.0, 0.0]))
    assert losses.tolist() == pytest.approx([0.25 * 0.25 * 0.6931472, 0.75 * 0.25 * 0.6931472])


def test_easy_predictions_hardly_count() -> None:
    easy, hard = sigmoid_focal_loss(torch.tensor([4.0, -4.0]), torch.ones(2))
    assert hard / easy > 1e5
