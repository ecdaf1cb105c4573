"""The broker's jars are those of the lock, or there is no broker."""

import hashlib
from pathlib import Path

from compose.kafka import jars

WANTED = {"a-1.jar": hashlib.sha256(b"a").hexdigest(), "b-1.jar": hashlib.sha256(b"b").hexdigest()}


def _install(folder: Path) -> None:
    for place, name, content in (("jars", "a-1.jar", b"a"), ("modules", "b-1.jar", b"b")):
        (folder / place).mkdir()
        (folder / place / name).write_bytes(content)


def test_locked_jars_have_no_differences(tmp_path: Path) -> None:
    """In both folders that jgo makes."""
    _install(tmp_path)
    assert jars.find_differences(tmp_path, WANTED) == []


def test_changed_byte_is_found(tmp_path: Path) -> None:
    """jgo does not verify what it downloads; we do."""
    _install(tmp_path)
    (tmp_path / "modules" / "b-1.jar").write_bytes(b"c")
    (fault,) = jars.find_differences(tmp_path, WANTED)
    assert fault.startswith("b-1.jar: sha256 ")


def test_missing_and_surplus_jars_are_found(tmp_path: Path) -> None:
    """A jar that is not in the lock would run as well."""
    _install(tmp_path)
    (tmp_path / "jars" / "a-1.jar").rename(tmp_path / "jars" / "z-1.jar")
    assert jars.find_differences(tmp_path, WANTED) == ["a-1.jar: missing", "z-1.jar: not in the lock"]


def test_each_locked_jar_has_its_hash() -> None:
    """The lock has the versions of jgo.toml."""
    locked = jars.locked_hashes()
    assert "kafka_2.13-4.1.1.jar" in locked
    assert all(len(digest) == 64 for digest in locked.values())
