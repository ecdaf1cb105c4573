"""What a person is told when something is in the way."""

import socket
from collections import namedtuple
from pathlib import Path

import pytest

from compose import ports, preflight
from compose.errors import DiskFull, NotWritable, PortTaken, StartFailed

Usage = namedtuple("Usage", "total used free")


def test_a_taken_port_is_named_with_the_setting_that_moves_it() -> None:
    """Clear for a port that is taken: which, and what to change."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port}, for HTTP") as raised:
            ports.require(port, "HTTP", "PROMO_HTTP_PORT")
    assert "PROMO_HTTP_PORT=" in str(raised.value)


def test_a_port_shared_by_reuseport_counts_as_taken() -> None:
    """Ingress processes share their port with each other, never with a stranger."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert not ports.is_free(other.getsockname()[1])


def test_ports_that_are_set_aside_are_not_given_twice() -> None:
    """Two processes that are started at once get different ports."""
    first = ports.next_free(ports.any_free(), set())
    assert ports.next_free(first, {first}) > first


def test_a_full_disk_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clear for a full disk: how much is there, how much is needed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Usage(0, 0, 100 * 2**20))
    with pytest.raises(DiskFull, match=r"has 100 MiB free; the stack needs 1024 MiB"):
        preflight.folders(tmp_path / "data")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clear for a data folder that is not writable (here: it is a file)."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "data").touch()
    with pytest.raises(NotWritable, match="PROMO_DATA_DIR"):
        preflight.folders(tmp_path / "data")


def test_a_failed_start_shows_the_end_of_the_log(tmp_path: Path) -> None:
    """Nobody has to look for the log."""
    log = tmp_path / "x.log"
    log.write_text("\n".join(f"line {number}" for number in range(100)))
    text = str(StartFailed("x-1", "was not ready in time", log))
    assert "line 99" in text
    assert "line 10" not in text


def test_secrets_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    """The administrator's token survives a restart and is readable by nobody else."""
    made = preflight.secret("", tmp_path / "token")
    assert preflight.secret("", tmp_path / "token") == made
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert preflight.secret("given", tmp_path / "token") == "given"
