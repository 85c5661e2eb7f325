import torch

from trainable.recurrent_rows import RecurrentRows
from trainable.types import RecurrentState


def state_of(rows: list[int]) -> RecurrentState:
    """Two stages whose values are the row's number, and its negative in the cell state."""
    values = torch.tensor(rows, dtype=torch.float32).view(-1, 1, 1, 1)
    return tuple((values.expand(-1, channels, 2, 2), -values.expand(-1, channels, 2, 2)) for channels in (3, 5))


def test_rows_keep_their_state_whatever_batch_they_travel_in() -> None:
    rows = RecurrentRows()
    rows.scatter(torch.tensor([0, 1]), state_of([0, 1]), [True] * 2)
    rows.scatter(torch.tensor([2, 3]), state_of([2, 3]), [True] * 2)
    gathered = rows.gather(torch.tensor([3, 0, 2]))
    assert gathered is not None
    for (hidden, cell), (expected_hidden, expected_cell) in zip(gathered, state_of([3, 0, 2]), strict=True):
        torch.testing.assert_close(hidden, expected_hidden)
        torch.testing.assert_close(cell, expected_cell)


def test_no_known_row_gives_no_state_and_an_unknown_one_gives_zeros() -> None:
    rows = RecurrentRows()
    assert rows.gather(torch.tensor([0, 1])) is None
    rows.scatter(torch.tensor([1]), state_of([1]), [True] * 1)
    gathered = rows.gather(torch.tensor([0, 1]))
    assert gathered is not None
    assert gathered[0][0][0].abs().sum() == 0
    assert gathered[0][0][1].abs().sum() > 0


def test_rows_that_do_not_go_on_are_not_kept() -> None:
    rows = RecurrentRows()
    rows.scatter(torch.tensor([0, 1]), state_of([1, 1]), [True, False])
    assert sorted(rows.state_dict()) == [0]


def test_kept_states_are_cut_off_from_their_graph() -> None:
    rows = RecurrentRows()
    source = torch.ones(1, 3, 2, 2, requires_grad=True)
    rows.scatter(torch.tensor([0]), ((source * 2, source * 3),), [True] * 1)
    gathered = rows.gather(torch.tensor([0]))
    assert gathered is not None
    assert not gathered[0][0].requires_grad


def test_states_survive_saving_and_loading() -> None:
    rows, restored = RecurrentRows(), RecurrentRows()
    rows.scatter(torch.tensor([4, 7]), state_of([4, 7]), [True] * 2)
    restored.load_state_dict(rows.state_dict(), torch.device("cpu"))
    before, after = rows.gather(torch.tensor([7, 4])), restored.gather(torch.tensor([7, 4]))
    assert before is not None
    assert after is not None
    assert all(torch.equal(a, b) for one, two in zip(before, after, strict=True) for a, b in zip(one, two, strict=True))
    rows.clear()
    assert rows.gather(torch.tensor([4])) is None
