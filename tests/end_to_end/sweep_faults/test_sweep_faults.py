"""Whatever fails while a sweep runs, it ends with the trials and the points of a sweep that nothing happened to."""

import os
import random
import re
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from trainable.tracking import journaled_curves

Begin = Callable[..., Any]

STEPS = 18
BASELINE, DIVERGING, OTHERS = 0, 1, (2, 3)
WHOLE = 3 * STEPS
"""Steps of all trials but the one that fails at once."""

MEASURED = ("speed/", "memory/")
"""Metrics whose values differ from run to run."""

OUT_OF_MEMORY = """
import importlib.util, sys

class Limit:  # of the memory: it does not suffice for three rows from the eighth step on
    def find_spec(self, name, path, target=None):
        if name != "trainable.lightning_module":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module
        def load_and_limit(module):
            load(module)
            limit(module.DetectionModule)
        spec.loader.exec_module = load_and_limit
        return spec

def limit(module_class):
    import torch
    unlimited = module_class.training_step
    def training_step(self, batch, *arguments):
        if self.trainer.global_step >= 7 and len(batch.rows) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. (not really)")
        return unlimited(self, batch, *arguments)
    module_class.training_step = training_step

sys.meta_path.insert(0, Limit())
"""


def assert_the_same(sweep: Any, reference: Any) -> None:
    """The same final trials, and on the server one run each with every point once (`published` refuses doubles)."""
    assert list(map(essence, sweep.trials())) == list(map(essence, reference.trials()))
    own, *below = sweep.runs()
    assert len(below) == len(reference.trials())
    assert sweep.published(sweep.directory).status == "FINISHED"
    for index in range(len(below)):
        ours, theirs = (which.published(which.trial(index)) for which in (sweep, reference))
        assert ours.status == theirs.status
        assert ours.tags["mlflow.parentRunId"] == own
        assert ours.points.keys() == theirs.points.keys()
        assert reproducible(ours.points) == reproducible(theirs.points)


def essence(trial: Any) -> str:
    """What must not depend on what was killed; as text, in which NaN equals NaN."""
    ends = trial.state, trial.reason, dict(sorted(trial.reports.items()))
    return repr((trial.index, trial.name, trial.parameters, trial.config_hash, trial.seed, ends))


def reproducible(points: Mapping[tuple[str, int], float]) -> dict[tuple[str, int], float]:
    return {key: value for key, value in points.items() if not key[0].startswith(MEASURED)}


def test_a_sweep_that_nothing_happens_to_publishes_what_its_trials_journal(reference: Any) -> None:
    for index in range(len(reference.trials())):
        curves = journaled_curves(reference.trial(index))
        journaled = {(name, step): value for name, curve in curves.items() for step, value in curve.items()}
        assert reference.published(reference.trial(index)).points == journaled
        assert set(curves["train/loss"]) == ({1} if index == DIVERGING else set(range(1, STEPS + 1)))
    complete = [trial for trial in reference.trials() if trial.state == "COMPLETE"]
    assert [trial.index for trial in complete] == [BASELINE, *OTHERS]
    assert len({trial.reports[STEPS]["AR"] for trial in complete}) > 1


def test_a_trial_whose_loss_is_nan_fails_with_the_reason_and_the_others_complete(reference: Any) -> None:
    trial = reference.trials()[DIVERGING]
    assert trial.state == "FAILED"
    assert "the loss became nan at step 2" in trial.reason
    published = reference.published(reference.trial(DIVERGING))
    assert published.status == "FAILED"
    assert "the loss became nan at step 2" in published.tags["evsweep.status_reason"]
    assert "started again" not in reference.said


def test_killed_trials_go_on_in_other_processes(begin: Begin, reference: Any) -> None:
    moments = random.Random(7)
    sweep = begin("workers")
    for index in (BASELINE, moments.choice(OTHERS)):
        sweep.wait_for_step(moments.randrange(1, STEPS - 2), index)
        holder = re.match(r"process (\d+) on", (sweep.trial(index) / "run.lock").read_text())
        assert holder is not None
        os.kill(int(holder[1]), signal.SIGKILL)
    sweep.end()
    assert sweep.said.count("it is started again and goes on from its last checkpoint") == 2
    assert_the_same(sweep, reference)


def test_after_the_driver_is_killed_finished_trials_are_kept_and_the_others_go_on(begin: Begin, reference: Any) -> None:
    moments = random.Random(8)
    sweep = begin("driver")
    below: list[psutil.Process] = []
    for step in (moments.randrange(2, STEPS), moments.randrange(2 * STEPS + 1, WHOLE - 2)):
        sweep.wait_for_step(step)
        below += sweep.kill_driver()
        finished = {trial: stamp(trial) for trial in map(sweep.trial, range(4)) if has_ended(trial)}
        sweep.resume()
    sweep.end()
    assert finished
    assert {trial: stamp(trial) for trial in finished} == finished
    assert_the_same(sweep, reference)
    assert psutil.wait_procs(below, timeout=60)[1] == []


def has_ended(trial: Path) -> bool:
    journal = trial / "journal.jsonl"
    return journal.exists() and re.search(r'"status":"(FINISHED|FAILED)"', journal.read_text()) is not None


def stamp(trial: Path) -> tuple[str, list[tuple[str, int]]]:
    """The journal, and when each checkpoint was written."""
    checkpoints = sorted((trial / "checkpoints").glob("*.ckpt"))
    return (trial / "journal.jsonl").read_text(), [(file.name, file.stat().st_mtime_ns) for file in checkpoints]


def test_when_parts_of_ray_are_killed_the_sweep_goes_on_in_a_new_session(begin: Begin, reference: Any) -> None:
    moments = random.Random(9)
    sweep = begin("ray", RAY_gcs_rpc_server_reconnect_timeout_s="1")  # a minute otherwise
    for session, part in enumerate(("raylet", "gcs_server"), start=1):
        sweep.wait_for_step(sweep.step() + moments.randrange(1, 4))  # early: Ray takes seconds to notice
        sweep.kill_part(part)
        sweep.wait_until_said("the next one begins in", session)
    sweep.end()
    assert sweep.said.count("the next one begins in") == 2
    assert_the_same(sweep, reference)


def test_trials_run_on_while_the_server_is_away_and_it_gets_every_point_once(
    begin: Begin, reference: Any, server: Any
) -> None:
    server.start()
    sweep = begin("outage", uri=server.uri)
    sweep.wait_for_step(WHOLE // 3)
    server.kill()
    sweep.wait_for_step(2 * WHOLE // 3)
    server.start()
    sweep.end()
    assert_the_same(sweep, reference)


def test_a_trial_that_runs_out_of_memory_goes_on_with_smaller_micro_batches(
    begin: Begin, reference: Any, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(OUT_OF_MEMORY)
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    sweep = begin("memory", "--trials", "1", "--max-failures", "0", PYTHONPATH=path)
    sweep.end()
    (trial,), expected = sweep.trials(), reference.trials()[BASELINE]
    assert (trial.state, trial.config_hash) == ("COMPLETE", expected.config_hash)
    ours, theirs = (which.published(which.trial(BASELINE)) for which in (sweep, reference))
    assert (ours.tags["evsweep.micro_batch"], ours.tags["evsweep.out_of_memory"]) == ("2", "1")
    assert ours.status == "FINISHED"
    assert ours.points.keys() == theirs.points.keys()
    unchanged = [("train/loss", step) for step in range(1, 7)]  # up to the last checkpoint
    unchanged += [("train/learning_rate", step) for step in range(1, STEPS + 1)]
    assert [ours.points[key] for key in unchanged] == [theirs.points[key] for key in unchanged]
