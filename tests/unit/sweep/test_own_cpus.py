"""CPUs that a scheduler or a container leaves to a process."""

import os
from pathlib import Path

import pytest

from sweep.own_cpus import own_cpus


@pytest.fixture(autouse=True)
def six_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)


def test_only_the_cpus_that_the_process_may_run_on_count(tmp_path: Path) -> None:
    assert own_cpus(tmp_path) == 6


@pytest.mark.parametrize(("limit", "cpus"), [("max 100000", 6), ("250000 100000", 2), ("50000 100000", 1)])
def test_a_containers_limit_counts(tmp_path: Path, limit: str, cpus: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{limit}\n")
    assert own_cpus(tmp_path) == cpus


@pytest.mark.parametrize(("quota", "cpus"), [("-1", 6), ("300000", 3)])
def test_an_older_containers_limit_counts(tmp_path: Path, quota: str, cpus: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert own_cpus(tmp_path) == cpus
