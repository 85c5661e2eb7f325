"""The batches of a trial that ran out of GPU memory, remembered for its restarts."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from trainable.config import Config
from trainable.files import written_whole

FILE_NAME = "micro_batch.json"


@dataclass(frozen=True)
class MicroBatch:
    """How a trial shares out its effective batch.

    Attributes:
        rows: Rows that the device holds at once; gradients of several micro-batches are accumulated.
        out_of_memory: How often the device's memory did not suffice so far.
        eval_rows: Rows that a validation takes at once, where it takes fewer than the configuration says.
    """

    rows: int
    out_of_memory: int = 0
    eval_rows: int | None = None

    @classmethod
    def read(cls, directory: Path, config: Config) -> "MicroBatch":
        """What is remembered in a run's folder; at first what the configuration says."""
        try:
            return cls(**json.loads((directory / FILE_NAME).read_text()))
        except FileNotFoundError:
            return cls(config.batch_size.micro or config.batch_size.train)

    def write(self, directory: Path) -> None:
        """Remember it."""
        with written_whole(directory / FILE_NAME) as draft:
            draft.write_text(json.dumps(asdict(self)))

    def smaller(self, effective_batch: int) -> "MicroBatch | None":
        """The largest one of at most half the rows that divides the effective batch; none below one row."""
        if self.rows == 1:
            return None
        rows = next(rows for rows in range(self.rows // 2, 0, -1) if effective_batch % rows == 0)
        return replace(self, rows=rows, out_of_memory=self.out_of_memory + 1)

    def smaller_validation(self, eval_batch: int) -> "MicroBatch | None":
        """Half the rows in a validation, of which `eval_batch` are configured; none below one row."""
        rows = self.eval_rows or eval_batch
        return None if rows == 1 else replace(self, eval_rows=rows // 2, out_of_memory=self.out_of_memory + 1)

    def changes(self) -> dict[str, object]:
        """Dotted configuration key to value, where the memory did not suffice for what is configured."""
        changes: dict[str, object] = {"batch_size.micro": self.rows} if self.out_of_memory else {}
        return changes if self.eval_rows is None else {**changes, "batch_size.eval": self.eval_rows}

    def tags(self) -> dict[str, str]:
        """Tags that tell a reader of the run."""
        tags = {"evsweep.micro_batch": str(self.rows), "evsweep.out_of_memory": str(self.out_of_memory)}
        return tags if self.eval_rows is None else {**tags, "evsweep.eval_batch": str(self.eval_rows)}
