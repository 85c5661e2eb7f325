"""Trains a trial in a process of its own: `python trial_process.py ASSIGNMENT.json REPORTS.jsonl`."""

import json
import sys
from pathlib import Path
from typing import Any

from sweep.assignment import TrialAssignment
from sweep.trial_training import train_assignment


def append(report: dict[str, Any]) -> None:
    with Path(sys.argv[2]).open("a") as file:
        file.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    train_assignment(TrialAssignment.from_dict(json.loads(Path(sys.argv[1]).read_text())), append)
