"""The recurrent state of every batch row between training windows."""

from collections.abc import Sequence

import torch
from torch import Tensor

from trainable.types import RecurrentState


class RecurrentRows:
    """Keeps each global batch row's recurrent state, whatever micro-batch the row travels in.

    A row that starts a sequence is reset by the caller; a row that was never seen starts from zeros.
    """

    def __init__(self) -> None:
        self._state_by_row: dict[int, RecurrentState] = {}

    def gather(self, rows: Tensor) -> RecurrentState | None:
        """The state of `rows`, `(batch,)` int64 global row numbers; `None` where no row has one yet."""
        row_numbers = rows.tolist()
        states = [self._state_by_row.get(row) for row in row_numbers]
        known = next((state for state in states if state is not None), None)
        if known is None:
            return None
        zeros = tuple((torch.zeros_like(hidden), torch.zeros_like(cell)) for hidden, cell in known)
        complete = [zeros if state is None else state for state in states]
        return tuple(
            (torch.stack([state[stage][0] for state in complete]), torch.stack([state[stage][1] for state in complete]))
            for stage in range(len(known))
        )

    def scatter(self, rows: Tensor, state: RecurrentState, goes_on: Sequence[bool]) -> None:
        """Keep the state of those `rows` that go on, cut off from the graph that made it.

        Args:
            rows: `(batch,)` int64 global row numbers.
            state: Their state.
            goes_on: Whether each row's next window may continue this one.
        """
        per_stage = [(hidden.detach().unbind(), cell.detach().unbind()) for hidden, cell in state]
        for index, row in enumerate(rows.tolist()):
            if not goes_on[index]:
                continue
            self._state_by_row[row] = tuple((hidden[index], cell[index]) for hidden, cell in per_stage)

    def clear(self) -> None:
        """Forget every row."""
        self._state_by_row.clear()

    def state_dict(self) -> dict[int, RecurrentState]:
        """Row number to state, on the CPU."""
        return {
            row: tuple((hidden.cpu().clone(), cell.cpu().clone()) for hidden, cell in state)
            for row, state in self._state_by_row.items()
        }

    def load_state_dict(self, state_by_row: dict[int, RecurrentState], device: torch.device) -> None:
        """Restore what `state_dict` gave, on `device`."""
        self._state_by_row = {
            row: tuple((hidden.to(device), cell.to(device)) for hidden, cell in state)
            for row, state in state_by_row.items()
        }
