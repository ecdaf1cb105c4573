"""The start-up caches of brokers: one for each environment, and no more than a few."""

import os
from pathlib import Path

import pytest

from compose.kafka import startup_cache
from compose.kafka.java import Java


def test_caches_of_environments_that_are_no_more_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours stays, however old it is, and the newest two of others; what is no cache is not touched."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    executable = tmp_path / "java"
    executable.touch()
    java = Java(executable, 25)
    ours = startup_cache.path(java)
    ours.parent.mkdir(parents=True, exist_ok=True)
    for age, file in enumerate([*(ours.with_name(f"kafka-{n}.aot") for n in "dcba"), ours]):
        file.touch()
        os.utime(file, (1_000_000 - age, 1_000_000 - age))
    jars = ours.with_name("kafka.lock")
    jars.touch()
    startup_cache.let_others_go(java)
    assert {file.name for file in ours.parent.iterdir()} == {
        ours.name,
        "kafka-d.aot",
        "kafka-c.aot",
        jars.name,
    }
