"""Start-up caches of brokers: one for each environment, and only a few in all."""

import os
from pathlib import Path

import pytest

from compose.kafka import startup_cache
from compose.kafka.java import Java


def test_old_caches_of_others_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours stays, whatever its age, with the newest two of others; other files are not touched."""
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
    startup_cache.remove_outdated(java)
    assert {file.name for file in ours.parent.iterdir()} == {
        ours.name,
        "kafka-d.aot",
        "kafka-c.aot",
        jars.name,
    }
