"""Making a sweep: what is recorded, and what is refused before its folder exists."""

import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweep.folder import SweepFolder
from sweep.record import BASELINE, SweepRecord, create_sweep, open_study, plan_record
from sweep.settings import SweepSettings
from trainable.errors import ConfigError, SweepError

MakeSettings = Callable[..., SweepSettings]
MakeSweep = Callable[..., SweepFolder]


def test_a_record_is_read_back_as_it_was_written(make_sweep: MakeSweep) -> None:
    folder = make_sweep(constraints=["AP>=0.1"], grace_steps=50)
    record = SweepRecord.read(folder)
    assert record.settings.constraints == ("AP>=0.1",)
    assert record.rungs == (50, 200)
    assert record.validation_interval == 50
    record.write(folder)
    assert SweepRecord.read(folder) == record


def test_trials_share_seed_absolute_paths_and_validation_by_steps(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    overrides = ["dataset=gen4", "dataset.path=data", "+experiment/gen4=tiny", "training.max_steps=200000"]
    overrides.append("validation.check_val_every_n_epoch=1")
    with caplog.at_level(logging.INFO):
        config = SweepRecord.read(create_sweep(make_settings(overrides=overrides, space="size_aware"))).config
    assert config.reproduce.seed_everything == 3
    assert config.dataset.path == str(tmp_path / "data")
    assert (config.validation.val_check_interval, config.validation.check_val_every_n_epoch) == (20000, None)
    assert "validated every 20000 steps" in caplog.text


def test_a_typed_seed_counts(make_settings: MakeSettings) -> None:
    overrides = [*make_settings().overrides, "reproduce.seed_everything=11"]
    record = SweepRecord.read(create_sweep(make_settings(overrides=overrides)))
    assert record.config.reproduce.seed_everything == 11


def test_a_name_in_use_is_refused_and_left_as_it_is(make_sweep: MakeSweep) -> None:
    folder = make_sweep()
    before = folder.record_file.read_bytes()
    with pytest.raises(SweepError, match=r"sweep named 'small' is already in .* resume small"):
        make_sweep(trials=9)
    assert folder.record_file.read_bytes() == before


def test_a_folder_that_is_no_sweep_is_left_alone(make_settings: MakeSettings) -> None:
    settings = make_settings()
    (settings.storage / "small").mkdir(parents=True)
    with pytest.raises(SweepError, match="exists and is no sweep"):
        create_sweep(settings)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"space": "dmo"}, "did you mean `demo`"),
        ({"objectives": ["APS", "AP"]}, "`APS` is not a metric of this configuration; did you mean `AP_S`"),
        ({"objectives": ["AP", "AP"]}, "named once"),
        ({"objectives": ["count/truths"]}, "`count/truths` is not a metric"),
        ({"constraints": ["AP>0.3"]}, "got 'AP>0.3'"),
        ({"constraints": ["AP_huge>=0.3"]}, "`AP_huge` is not a metric"),
        ({"grace_steps": 300}, "must come before training.max_steps=300; lower --grace-steps"),
        ({"more": "run_dir=here"}, "`run_dir`: every trial has a folder of its own"),
        ({"more": "tracking.uri=http://host"}, "give --tracking-uri instead"),
        ({"more": "model.head.size_aware_weight=3"}, "the space demo searches it"),
        ({"more": "model.head.size_aware_loss=true"}, "the space demo fixes it"),
        ({"more": "model.head.weight=3"}, "`model.head.weight` is not a key of the configuration"),
    ],
)
def test_mistakes_are_named_before_the_folder_exists(
    changed: dict[str, Any], message: str, make_settings: MakeSettings
) -> None:
    settings = make_settings()
    if more := changed.pop("more", None):
        changed["overrides"] = [*settings.overrides, more]
    with pytest.raises(ConfigError) as caught:
        create_sweep(make_settings(**changed))
    assert message in str(caught.value)
    assert not settings.storage.exists()


def test_a_dimension_that_changes_no_result_is_refused(make_settings: MakeSettings, tmp_path: Path) -> None:
    space = {"name": "idle", "description": "d", "dimensions": {"hardware.num_workers.train": {"int": [0, 4]}}}
    (tmp_path / "idle.yaml").write_text(yaml.safe_dump(space))
    with pytest.raises(ConfigError, match="in the space idle changes no result"):
        create_sweep(make_settings(space=str(tmp_path / "idle.yaml")))


def test_several_mistakes_are_one_message(make_settings: MakeSettings) -> None:
    with pytest.raises(ConfigError) as caught:
        create_sweep(make_settings(objectives=["APS"], grace_steps=500))
    assert "APS" in str(caught.value)
    assert "--grace-steps 500" in str(caught.value)


def test_without_a_scheduler_there_are_no_rungs_and_no_grace_is_too_long(make_sweep: MakeSweep) -> None:
    assert SweepRecord.read(make_sweep(scheduler="none", grace_steps=1000)).rungs == ()


def test_a_grid_that_is_smaller_than_the_sweep_is_capped_with_a_note(
    make_sweep: MakeSweep, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    space = tmp_path / "two.yaml"
    patches = {"model.backbone.stem.patch_size": {"choices": [4, 8]}}
    space.write_text(yaml.safe_dump({"name": "two", "description": "Two points.", "dimensions": patches}))
    with caplog.at_level(logging.INFO):
        folder = make_sweep(space=str(space), search="grid", trials=5)
    assert "has 2 points" in caplog.text
    study = open_study(folder)
    proposals = [study.ask() for _ in range(3)]
    assert [proposal and proposal.index for proposal in proposals] == [0, 1, None]


def test_a_damaged_record_is_named(make_sweep: MakeSweep) -> None:
    folder = make_sweep()
    folder.record_file.write_text("version: 1\nsettings: [")
    with pytest.raises(SweepError, match=r"sweep\.yaml cannot be read"):
        SweepRecord.read(folder)


def test_the_two_phases_have_studies_of_their_own(make_sweep: MakeSweep, play: Callable[..., list[int]]) -> None:
    folder = make_sweep()
    play(folder, [0.5, 0.6])
    assert len(open_study(folder).trials()) == 2
    assert open_study(folder, "confirm").trials() == []


def test_a_space_without_a_baseline_is_confirmed_against_the_base_configuration(
    make_sweep: MakeSweep, tmp_path: Path
) -> None:
    space = tmp_path / "rates.yaml"
    content = {
        "name": "rates",
        "description": "A range that the base's own rate does not lie in.",
        "fixed": {"training.weight_decay": 0.1},
        "dimensions": {"training.learning_rate": {"float": [0.5, 0.9]}},
    }
    space.write_text(yaml.safe_dump(content))
    folder = make_sweep(space=str(space))
    study, record = open_study(folder, "confirm"), SweepRecord.read(folder)
    study.enqueue([record.confirmation_space().known_points[BASELINE]], seeds=[5])
    proposal = study.ask()
    assert proposal is not None
    assert proposal.known_point == BASELINE
    assert proposal.config == record.config.merged({"reproduce.seed_everything": 5})


@pytest.mark.parametrize("uri", ["./mlruns", "ftp://ada:secret@host"])
def test_a_tracking_address_that_cannot_be_used_is_refused_with_advice_for_its_option(
    make_settings: MakeSettings, uri: str
) -> None:
    settings = make_settings(tracking_uri=uri)
    with pytest.raises(ConfigError) as caught:
        create_sweep(settings)
    assert "`--tracking-uri` must be http(s)://HOST or a database" in str(caught.value)
    assert "tracking.uri" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert not settings.storage.exists()


def test_a_relative_tracking_database_is_recorded_absolute(
    make_sweep: MakeSweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    record = SweepRecord.read(make_sweep(tracking_uri="sqlite:///runs.db"))
    assert record.settings.tracking_uri == f"sqlite:///{tmp_path}/runs.db"


@pytest.mark.parametrize(
    ("uri", "private"),
    [
        ("http://ada:secret@tracking:5000", True),
        ("postgresql://db/mlflow?user=ada&password=secret", True),
        ("http://tracking:5000", False),
        (None, False),
    ],
)
def test_a_record_with_credentials_is_for_its_owner_alone(
    make_sweep: MakeSweep, uri: str | None, private: bool
) -> None:
    before = os.umask(0o022)
    try:
        folder = make_sweep(tracking_uri=uri)
        record = SweepRecord.read(folder)
        for _ in range(2):
            assert stat.S_IMODE(folder.record_file.stat().st_mode) == (0o600 if private else 0o644)
            record.write(folder)
    finally:
        os.umask(before)


@pytest.mark.parametrize("search", ["gp", "nsga2", "tpe"])
@pytest.mark.parametrize("scheduler", ["asha", "none"])
def test_a_search_that_learns_from_full_trials_only_comes_with_a_note_where_trials_are_stopped(
    make_settings: MakeSettings, caplog: pytest.LogCaptureFixture, search: str, scheduler: str
) -> None:
    plan_record(make_settings(search=search, scheduler=scheduler))
    noted = f"--search {search} learns from trials at full budget only" in caplog.text
    assert noted == (search == "nsga2" and scheduler == "asha")
