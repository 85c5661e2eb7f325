"""Settings typed as options."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sweep.command_options import takes_settings
from sweep.settings import SweepSettings
from trainable.errors import ConfigError


def typed(*arguments: str) -> SweepSettings:
    """The settings that a command gets."""
    received: list[SweepSettings] = []
    app = typer.Typer()

    @app.command()
    @takes_settings
    def command(settings: SweepSettings) -> None:
        """Take settings."""
        received.append(settings)

    result = CliRunner().invoke(app, arguments)
    if isinstance(result.exception, ConfigError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return received[0]


def test_every_setting_can_be_typed() -> None:
    options = {
        "--space": "demo",
        "--name": "one",
        "--trials": "5",
        "--search": "nsga2",
        "--scheduler": "none",
        "--grace-steps": "7",
        "--reduction-factor": "3",
        "--gpus-per-trial": "0.5",
        "--cpus-per-trial": "1.5",
        "--max-concurrent": "2",
        "--max-failures": "0",
        "--address": "host:6379",
        "--seed": "9",
        "--tracking-uri": "http://host:5000",
        "--storage": "/mnt/sweeps",
        "--min-free-gib": "2",
    }
    settings = typed(
        *(part for option in options.items() for part in option),
        *("--objective", "AP", "--objective", "AP_S", "--constraint", "AP>=0.3", "--constraint", "AP_L>=0.1"),
        *("--keep-best-checkpoint", "dataset=demo", "+experiment=demo"),
    )
    assert settings == SweepSettings(
        name="one",
        storage=Path("/mnt/sweeps"),
        space="demo",
        trials=5,
        objectives=("AP", "AP_S"),
        constraints=("AP>=0.3", "AP_L>=0.1"),
        search="nsga2",
        scheduler="none",
        reduction_factor=3,
        grace_steps=7,
        gpus_per_trial=0.5,
        cpus_per_trial=1.5,
        max_concurrent=2,
        address="host:6379",
        seed=9,
        tracking_uri="http://host:5000",
        max_failures=0,
        keep_best_checkpoint_as_artifact=True,
        min_free_gib=2.0,
        overrides=("dataset=demo", "+experiment=demo"),
    )
    assert {name for name, field in SweepSettings.model_fields.items() if getattr(settings, name) == field.default} == (
        set()
    ), "a setting that is not typed above"


def test_what_is_not_typed_keeps_its_default() -> None:
    assert typed("--space", "demo", "--name", "one") == SweepSettings(name="one", space="demo")


def test_typed_options_win_over_the_file_and_overrides_come_after_its_own(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(
        "name: from-file\nspace: demo\ntrials: 3\nseed: 4\ngpus_per_trial: auto\nobjectives: [AP]\n"
        "keep_best_checkpoint_as_artifact: true\noverrides: [dataset=demo, training.max_steps=10]\n"
    )
    settings = typed(
        *("--settings", str(file), "--trials", "5", "--objective", "AP_S", "--no-keep-best-checkpoint"),
        "training.max_steps=20",
    )
    assert (settings.name, settings.trials, settings.seed, settings.objectives) == ("from-file", 5, 4, ("AP_S",))
    assert not settings.keep_best_checkpoint_as_artifact
    assert settings.overrides == ("dataset=demo", "training.max_steps=10", "training.max_steps=20")


def test_a_mistake_names_the_file_it_may_come_from(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("space: demo\noverrides: dataset=demo\ntrials: many\n")
    with pytest.raises(ConfigError, match=r"settings\.yaml") as caught:
        typed("--settings", str(file), "+experiment=demo")
    assert "`overrides`" in str(caught.value)
    assert "got 'many'" in str(caught.value)


def test_a_command_keeps_options_of_its_own() -> None:
    received: list[tuple[int, bool]] = []
    app = typer.Typer()

    @app.command()
    @takes_settings
    def command(settings: SweepSettings, loud: bool = False) -> None:
        """Take settings, and one option more."""
        received.append((settings.trials, loud))

    for arguments in (["--space", "demo", "--trials", "5", "--loud"], ["--space", "demo", "--trials", "6"]):
        assert CliRunner().invoke(app, arguments).exit_code == 0
    assert received == [(5, True), (6, False)]
