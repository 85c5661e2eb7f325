"""Choosing the best trial, and the command that trains it again."""

import io
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from sweep.best import best_trial, print_best, write_configuration
from sweep.folder import SweepFolder
from sweep.record import open_study
from trainable.config import Config, compose, validate_config
from trainable.config.train_overrides import BOOKKEEPING
from trainable.errors import ConfigError, SweepError

MakeSweep = Callable[..., SweepFolder]
Play = Callable[..., list[int]]


def without_bookkeeping(config: Config) -> Config:
    plain = compose(["dataset=demo", "dataset.path=x", "+experiment=demo"]).to_dict()
    recorded = {"output_dir", "run_dir", "resume", "result_json"}
    changes: dict[str, object] = {key: plain[key] for key in recorded}
    changes |= {f"tracking.{key}": plain["tracking"][key] for key in ("enabled", "uri", "run_name")}
    assert set(changes) == set(BOOKKEEPING)
    return config.merged(changes)


@pytest.mark.parametrize("quality_by_trial", [[0.9, 0.1, 0.1, 0.1], [0.1, 0.1, 0.2, 0.9]])
def test_the_printed_command_composes_to_the_trials_configuration(
    quality_by_trial: list[float], make_sweep: MakeSweep, play: Play
) -> None:
    folder = make_sweep(scheduler="none")
    play(folder, quality_by_trial)
    best = best_trial(folder)
    assert best.trial.index == quality_by_trial.index(0.9)
    assert best.complete
    program, overrides = shlex.split(best.command)[:4], shlex.split(best.command)[4:]
    assert program == ["python", "-m", "trainable", "train"]
    assert without_bookkeeping(compose(overrides)) == without_bookkeeping(best.config)
    assert best.config.reproduce.seed_everything == best.trial.seed


def test_awkward_paths_and_list_valued_parameters_survive_the_shell(
    make_sweep: MakeSweep, play: Play, tmp_path: Path
) -> None:
    space = tmp_path / "pyramids.yaml"
    content = {
        "name": "pyramids",
        "description": "Lists and texts.",
        "fixed": {"model.head.size_aware_loss": True},
        "dimensions": {
            "model.fpn.in_stages": {"choices": [[1, 2, 3, 4]]},
            "model.head.small_threshold": {"choices": ["q0.25"]},
            "training.precision": {"choices": ["16"]},
        },
    }
    space.write_text(yaml.safe_dump(content))
    path = tmp_path / "it's my (data), here"
    overrides = ["dataset=demo", "+experiment=demo", r"dataset.path='{}'".format(str(path).replace("'", r"\'"))]
    folder = make_sweep(space=str(space), overrides=[*overrides, "training.max_steps=300"], scheduler="none")
    play(folder, [0.5])
    best = best_trial(folder)
    assert best.config.dataset.path == str(path)
    composed = compose(shlex.split(best.command)[4:])
    assert without_bookkeeping(composed) == without_bookkeeping(best.config)
    assert composed.model.fpn.in_stages == (1, 2, 3, 4)
    assert composed.training.precision == "16"


def test_before_any_trial_is_complete_the_furthest_are_compared_and_marked(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(scheduler="none")
    play(folder, [0.5], until=100)
    play(folder, [0.9], until=50)
    best = best_trial(folder)
    assert not best.complete
    assert best.trial.last_step == 100
    printed = io.StringIO()
    print_best(best, folder, Console(file=printed))
    assert "No trial has run to the full budget of 300 steps yet" in printed.getvalue()
    assert "SO FAR, after 100 steps" in printed.getvalue()


def test_with_several_objectives_the_pareto_set_is_listed_and_another_metric_can_decide(
    make_sweep: MakeSweep,
) -> None:
    folder = make_sweep(scheduler="none", objectives=["AP_S", "AP"])
    study = open_study(folder)
    for small, mean, large in [(0.3, 0.1, 0.1), (0.1, 0.3, 0.2), (0.05, 0.05, 0.9), (0.2, 0.2, 0.3)]:
        proposal = study.ask()
        assert proposal is not None
        headline = dict.fromkeys(("AP50", "AP75", "AP_M", "AR"), 0.2)
        study.complete(proposal.index, 300, {**headline, "AP_S": small, "AP": mean, "AP_L": large})
    best = best_trial(folder)
    assert best.trial.index == 0
    assert {trial.index for trial in best.candidates} == {0, 1, 3}
    assert best_trial(folder, "AP").trial.index == 1
    assert best_trial(folder, "AP_L").trial.index == 2
    printed = io.StringIO()
    print_best(best, folder, Console(file=printed))
    for part in ("0*", "1*", "3*", "One seed proves nothing", "sweep confirm small", best.command):
        assert part in printed.getvalue()


def test_an_unknown_metric_and_a_sweep_without_results_are_refused(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep()
    with pytest.raises(SweepError, match="no trial of small has been validated yet"):
        best_trial(folder)
    play(folder, [0.5])
    with pytest.raises(ConfigError, match="did you mean `AP_S`"):
        best_trial(folder, "APS")


def test_the_written_configuration_is_complete(make_sweep: MakeSweep, play: Play, tmp_path: Path) -> None:
    folder = make_sweep()
    play(folder, [0.5])
    best = best_trial(folder)
    write_configuration(best, tmp_path / "best.yaml")
    assert validate_config(yaml.safe_load((tmp_path / "best.yaml").read_text())) == best.config
