"""Several processes train one model and evaluate all of their detections together."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from trainable.config import compose
from trainable.evaluation import load_match_records
from trainable.model import read_checkpoint
from trainable.validate import validate

SCRIPT = Path(__file__).parent / "distributed_run.py"


def test_two_processes_evaluate_what_one_process_evaluates(small_run: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(SCRIPT)]
    settings = [
        *small_run,
        "training.max_steps=3",
        "logging.train.log_every_n_steps=1",
        "dataset.train.sampling=stream",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, *settings, f"run_dir={tmp_path / 'run'}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    checkpoint = tmp_path / "run" / "checkpoints" / "last.ckpt"
    alone = validate(compose([*small_run, f"checkpoint={checkpoint}", f"output_dir={tmp_path}"]))
    together = json.loads((tmp_path / "run" / "metrics.json").read_text())["metrics"]
    expected = alone.metrics.to_json()
    assert together["unfiltered"] == expected["unfiltered"]
    records = load_match_records(tmp_path / "run" / "match_records" / "step_0000003.npz")
    np.testing.assert_array_equal(records.frame_sequence, alone.match_records.frame_sequence)
    assert len(records.detections) == len(alone.match_records.detections)
    content = read_checkpoint(checkpoint)
    assert sorted(content["recurrent_rows"]) == [0, 1, 2, 3]
    assert len(content["random_states"]) == 2
    journal = (tmp_path / "run" / "journal.jsonl").read_text()
    assert journal.count('"status":"FINISHED"') == 1
