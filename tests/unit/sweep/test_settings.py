"""Settings from typed values and from files."""

import re
from pathlib import Path

import pytest

from sweep.settings import SweepSettings, read_settings_file, settings_from
from trainable.errors import ConfigError


def test_defaults_are_those_that_are_documented() -> None:
    settings = settings_from({"space": "size_aware", "name": "one"}, "here")
    assert settings == SweepSettings(name="one", space="size_aware")
    assert settings.objectives == ("AP_S", "AP")
    assert (settings.trials, settings.search, settings.scheduler, settings.max_failures) == (32, "tpe", "asha", 3)


def test_a_name_is_made_from_the_space_and_the_time() -> None:
    assert re.fullmatch(r"mine-\d{8}-\d{6}", settings_from({"space": "folder/mine.yaml"}, "here").name)


def test_every_mistake_is_in_one_message() -> None:
    wrong = {
        "space": "demo",
        "name": "a/b",
        "trials": 0,
        "storage": "s3://bucket/sweeps",
        "gpus_per_trial": 2,
        "reduction_factor": 1,
        "search": "best",
        "seed": True,
    }
    with pytest.raises(ConfigError) as caught:
        settings_from(wrong, "the settings")
    for part in ("'a/b'", "`trials`", "s3://bucket/sweeps", "mount", "several GPUs", "`reduction_factor`", "'best'"):
        assert part in str(caught.value)
    assert "`seed`" in str(caught.value)


def test_an_unknown_setting_comes_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"`trails` is not a setting of a sweep; did you mean `trials`\?"):
        settings_from({"space": "demo", "trails": 3}, "here")


def test_only_the_missing_space_is_asked_for() -> None:
    with pytest.raises(ConfigError) as caught:
        settings_from({}, "here")
    assert str(caught.value).splitlines()[1:] == ["  - `space` must be given"]


@pytest.mark.parametrize("gpus", ["auto", 0, 0.25, 1])
def test_a_trial_uses_a_gpu_or_a_share_of_it(gpus: str | float) -> None:
    assert settings_from({"space": "demo", "gpus_per_trial": gpus}, "here").gpus_per_trial == gpus


@pytest.mark.parametrize(
    ("content", "message"), [("- space", "must hold a mapping"), ("a: [", "cannot be read"), (None, "No such file")]
)
def test_an_unusable_settings_file_is_named(content: str | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_settings_file(file)
    assert str(file) in str(caught.value)


def test_a_settings_file_is_read_strictly(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("space: demo\nmin_free_gib: 1e3\n")
    assert settings_from(read_settings_file(file), "here").min_free_gib == 1000.0
    file.write_text("space: demo\ntrials: 3\ntrials: 30\n")
    with pytest.raises(ConfigError, match="`trials` stands here twice"):
        read_settings_file(file)


def test_the_home_folder_is_meant_by_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings_from({"space": "demo", "storage": "~/sweeps"}, "here").storage == tmp_path / "sweeps"
    with pytest.raises(ConfigError, match="no home folder '~nobody-of-this-name'"):
        settings_from({"space": "demo", "storage": "~nobody-of-this-name/sweeps"}, "here")
