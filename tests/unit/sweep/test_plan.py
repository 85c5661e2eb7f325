"""Plans of small sweeps, with real measurements of a very small detector."""

import io
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from rich.console import Console

from sweep.plan import expected_rungs, plan
from sweep.plan_contents import Plan
from sweep.plan_tables import show
from sweep.rungs import RungEntry, Rungs
from sweep.settings import SweepSettings
from trainable.data import open_split, preprocess, simulate
from trainable.errors import ConfigError

SMALL = ("model.backbone.embed_dim=16", "batch_size.train=2", "batch_size.eval=2", "dataset.sequence_length=2")
BUDGET = ("training.max_steps=300", "validation.val_check_interval=50")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("plan")
    simulate(root / "raw", seed=1, train=1, val=1, test=0, duration_s=0.6, height=96, width=160, mean_objects=3.0)
    preprocess(root / "raw", root / "dataset", dataset="demo")
    return root / "dataset"


@pytest.fixture
def planned(make_settings: Callable[..., SweepSettings]) -> Callable[..., tuple[Plan, str]]:
    """Plans a sweep of a space that builds a single network; returns the plan and what was printed."""

    def make(dataset: Path, *overrides: str, **changed: object) -> tuple[Plan, str]:
        data = ("dataset=demo", f"dataset.path={dataset}", "dataset.resolution_hw=[96,160]", "+experiment=demo")
        settings = make_settings(
            **{"space": "size_aware", "overrides": [*data, *SMALL, *BUDGET, *overrides], **changed}
        )
        made = plan(settings, Console(quiet=True), limit_s=0.001)
        text = io.StringIO()
        show(made, Console(file=text, width=200))
        return made, text.getvalue()

    return make


def test_a_plan_says_what_would_run_and_what_it_costs(
    planned: Callable[..., tuple[Plan, str]], dataset: Path, tmp_path: Path
) -> None:
    made, text = planned(dataset, trials=8, constraints=["AP>=0.1"], reduction_factor=3)
    assert made.trials == 8
    assert [rung.step for rung in made.rungs] == [50, 100, 300]
    (recording,) = open_split(
        dataset, "val", representation="stacked_histogram_dt=50_nbins=10", downsample_by_factor_2=True
    )
    assert made.validation_batches == -(-recording.num_frames // 2)
    assert made.validations == pytest.approx(made.steps / 50)
    (cost,) = made.costs
    assert made.estimate is not None
    assert cost.step_s is not None
    assert made.estimate.trial_hours * 3600 > made.steps * cost.step_s
    assert made.estimate.wall_hours == pytest.approx(made.estimate.trial_hours / made.estimate.at_once)
    assert made.disk_bytes > 8 * 2 * cost.checkpoint_bytes
    assert json.loads(json.dumps(made.to_json()))["costs"][0]["label"] == "every trial"
    for words in ("AP_S and AP where AP>=0.1", "if weight_type is step or linear", "baseline", "48%", "CPU-hours"):
        assert words in text
    assert not (tmp_path / "sweeps").exists()


def test_a_plan_without_its_dataset_or_gpu_says_what_is_not_known(
    planned: Callable[..., tuple[Plan, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    made, text = planned(tmp_path / "elsewhere", "hardware.gpus=0")
    assert (made.costs, made.estimate, made.validation_batches) == ((), None, None)
    assert made.steps > 0
    assert "asks for GPU 0" in text
    assert "the time of validations is not counted" in text


def test_a_plan_says_where_it_scales_up_what_it_measured(
    planned: Callable[..., tuple[Plan, str]], dataset: Path
) -> None:
    made, text = planned(dataset, scheduler="none", max_concurrent=1)
    assert "1 of 2 rows was measured" in text
    assert [rung.step for rung in made.rungs] == [300]
    assert made.steps == 6 * 300
    assert made.estimate is not None
    assert made.estimate.at_once == 1


def test_a_wrong_setting_is_refused_before_anything_is_measured(
    planned: Callable[..., tuple[Plan, str]], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="AP_S"):
        planned(tmp_path, objectives=["AP_s"])


def test_expected_shares_are_those_of_the_rule_over_all_orders_of_arrival() -> None:
    rule = Rungs((10,), reduction_factor=3)
    continued = orders = 0
    for order in itertools.permutations(range(6)):
        entries = [RungEntry((float(value),), 0.0) for value in order]
        continued += sum(rule.decide(entries[:at], entry) == "CONTINUE" for at, entry in enumerate(entries))
        orders += 1
    first, last = expected_rungs(6, (10,), 30, reduction_factor=3)
    assert first.arriving == 6
    assert first.continuing == pytest.approx(continued / orders)
    assert (last.step, last.arriving) == (30, first.continuing)


def test_fewer_trials_reach_each_further_rung() -> None:
    rungs = expected_rungs(64, (20, 60, 180), 200, reduction_factor=3)
    arriving = [rung.arriving for rung in rungs]
    assert arriving == sorted(arriving, reverse=True)
    assert rungs[0].continuing / 64 == pytest.approx(1 / 3, abs=0.06)
    assert [rung.continuing for rung in rungs[:-1]] == arriving[1:]
