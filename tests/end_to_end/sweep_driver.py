"""Runs a sweep of trials that train nothing: `python sweep_driver.py SWEEP_FOLDER`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sweep.folder import SweepFolder
from sweep.supervisor import run_sweep

STEP_S = 0.3


def fake_training() -> Callable[[dict[str, Any]], None]:
    """What a trial runs; defined in here, so that Ray sends it by value."""
    step_s = STEP_S

    def train(assignment: dict[str, Any]) -> None:
        import time
        from pathlib import Path

        from ray import tune

        from trainable.run_lock import run_lock
        from trainable.tracking import RunTracking

        folder, config = Path(assignment["directory"]), assignment["config"]
        interval, budget = config["validation"]["val_check_interval"], config["training"]["max_steps"]
        with run_lock(folder, wait_s=30):
            tracking = RunTracking.start(
                folder,
                experiment="e",
                uri=None,
                run_name=assignment["name"],
                run_id=assignment["run_id"],
                parent_run_id=assignment["parent_run_id"],
                resume_step=0,
            )
            for step in range(interval, budget + 1, interval):
                time.sleep(step_s)
                quality = step / budget / (1 + assignment["index"] % 3)
                metrics = dict.fromkeys(("AP", "AP50", "AP75", "AP_S", "AP_M", "AP_L", "AR"), quality)
                tracking.metrics(metrics, step)
                bookkeeping = {"training_step": step, "index": assignment["index"], "failure": "", "stopped": ""}
                tune.report({**metrics, **bookkeeping})
            tracking.close("FINISHED")

    return train


if __name__ == "__main__":
    run_sweep(SweepFolder(Path(sys.argv[1])), trial_function=fake_training())
