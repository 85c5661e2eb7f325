from pathlib import Path

import pytest

from trainable.config import Config, compose
from trainable.errors import CheckpointError, ConfigError
from trainable.run_folder import RunFolder, check_same_run, new_run_folder, resumed_run


def demo(*overrides: str) -> Config:
    return compose(["dataset=demo", "dataset.path=/data", "+experiment=demo", *overrides])


def test_the_written_configuration_is_read_back(tmp_path: Path) -> None:
    config = demo(f"run_dir={tmp_path / 'run'}")
    folder = new_run_folder(config)
    folder.write_config(config)
    assert folder.read_config() == config


def test_a_folder_that_holds_a_run_is_not_used_for_another(tmp_path: Path) -> None:
    config = demo(f"run_dir={tmp_path / 'run'}")
    new_run_folder(config).write_config(config)
    with pytest.raises(ConfigError, match=r"holds a run already.*resume="):
        new_run_folder(config)


def test_runs_without_a_name_get_folders_named_after_their_dataset(tmp_path: Path) -> None:
    folder = new_run_folder(demo(f"output_dir={tmp_path}"))
    assert folder.directory.parent == tmp_path
    assert "demo" in folder.directory.name


def test_resuming_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no config\.yaml"):
        resumed_run(str(tmp_path))
    with pytest.raises(CheckpointError, match=r"there is no .*nowhere"):
        resumed_run(str(tmp_path / "nowhere"))


def test_resuming_a_run_by_its_folder_or_its_checkpoint_is_the_same(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoints" / "last.ckpt"
    checkpoint.parent.mkdir()
    checkpoint.touch()
    (tmp_path / "config.yaml").touch()
    assert resumed_run(str(tmp_path)) == resumed_run(str(checkpoint))


def test_a_run_without_a_checkpoint_is_resumed_from_its_start(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").touch()
    folder, checkpoint = resumed_run(str(tmp_path))
    assert (folder.directory, checkpoint) == (tmp_path, None)


@pytest.mark.parametrize("content", ["a: [", "", "training: 3"])
def test_a_damaged_configuration_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(CheckpointError, match=r"config\.yaml cannot be read"):
        RunFolder(tmp_path).read_config()


def test_only_what_does_not_change_the_result_may_differ_when_resuming() -> None:
    recorded = demo("training.learning_rate=0.01")
    free = ["hardware.num_workers.train=3", "batch_size.micro=2", "logging.train.log_every_n_steps=7"]
    check_same_run(demo("training.learning_rate=0.01", *free), recorded)
    with pytest.raises(ConfigError, match=r"learning_rate: 0.01 then, 0.1 now(.|\n)*start a new run"):
        check_same_run(demo("training.learning_rate=0.1"), recorded)


def test_a_run_that_ended_before_it_read_its_dataset_is_resumed_with_the_resolution_found_there() -> None:
    check_same_run(demo("dataset.resolution_hw=[96,160]"), demo("dataset.resolution_hw=null"))
    with pytest.raises(ConfigError, match="resolution_hw"):
        check_same_run(demo("dataset.resolution_hw=[96,160]"), demo("dataset.resolution_hw=[192,320]"))
