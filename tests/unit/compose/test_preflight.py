"""Checks before a start: ports, folders, secrets."""

import re
import socket
from collections import namedtuple
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from msgspec import structs

from compose import ports, preflight
from compose.errors import DiskFull, NotWritable, PortTaken, StackError
from schemas.settings import Settings

Usage = namedtuple("Usage", "total used free")


@contextmanager
def listening(*numbers: int) -> Iterator[None]:
    """Listen on these ports, as another program would."""
    with ExitStack() as sockets:
        for number in numbers:
            other = sockets.enter_context(socket.socket())
            other.bind(("127.0.0.1", number))
            other.listen()
        yield


@pytest.fixture
def settings() -> Settings:
    """Settings whose ports are free and far from each other."""
    block = ports.next_free(23_000, set(), count=60)
    return Settings(
        http_port=block,
        kafka_port=block + 10,
        redis_port=block + 20,
        provider_port=block + 30,
        messaging_port=block + 35,
        ops_port=block + 40,
        edge_port=block + 50,
    )


def proposals(error: PortTaken) -> dict[str, int]:
    """Return the ports that a message proposes, by setting."""
    return {name: int(port) for name, port in re.findall(r"(PROMO_\w+_PORT)=(\d+)", str(error))}


def test_free_ports_pass(settings: Settings) -> None:
    """Nothing listens on them."""
    preflight.check_ports(settings)


def test_all_taken_ports_are_in_one_message(settings: Settings) -> None:
    """One run shows every taken port, with its setting and a free port for it."""
    taken = (settings.http_port, settings.kafka_port + 1, settings.redis_port, settings.provider_port)
    with listening(*taken), pytest.raises(PortTaken) as raised:
        preflight.check_ports(settings)
    text = str(raised.value)
    assert all(f"port {port} for " in text for port in (*taken[:1], settings.kafka_port, *taken[2:]))
    assert proposals(raised.value).keys() == {
        "PROMO_HTTP_PORT", "PROMO_KAFKA_PORT", "PROMO_REDIS_PORT", "PROMO_PROVIDER_PORT",
    }  # fmt: skip


def test_proposed_ports_are_free_and_differ(settings: Settings) -> None:
    """Put before the command as they are printed, the proposals work."""
    # the next ports of each setting are taken or wanted elsewhere
    taken = (settings.http_port, settings.http_port + 1, settings.kafka_port, settings.redis_port)
    settings = structs.replace(settings, provider_port=settings.redis_port + 1)
    with listening(*taken):
        with pytest.raises(PortTaken) as raised:
            preflight.check_ports(settings)
        proposed = proposals(raised.value)
        changes = {name.removeprefix("PROMO_").lower(): port for name, port in proposed.items()}
        preflight.check_ports(structs.replace(settings, **changes))
    used = [*proposed.values(), proposed["PROMO_KAFKA_PORT"] + 1]
    assert len(set(used)) == len(used)
    assert not set(used) & set(range(settings.ops_port, settings.ops_port + 10))


def test_two_settings_with_one_port_are_named(settings: Settings) -> None:
    """Both services would listen on it; nothing does yet."""
    same = structs.replace(settings, redis_port=settings.kafka_port + 1)
    with pytest.raises(PortTaken, match=r"for Redis is also that of Kafka \(PROMO_KAFKA_PORT\)"):
        preflight.check_ports(same)


def test_ports_of_given_servers_are_not_needed(settings: Settings) -> None:
    """No local Kafka, Redis or provider is started where the settings name existing ones."""
    given = structs.replace(
        settings,
        kafka_bootstrap_servers="kafka:9092",
        redis_url="redis://redis/0",
        provider_url="https://payments.example",
    )
    with listening(settings.kafka_port, settings.redis_port, settings.provider_port):
        preflight.check_ports(given)


def test_port_shared_by_reuseport_counts_as_taken() -> None:
    """Ingress processes share their port with each other, never with another program."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert not ports.is_free(other.getsockname()[1])


def test_ports_in_use_are_not_given_twice() -> None:
    """Two processes that start at once get different ports."""
    first = ports.next_free(ports.any_free(), set())
    assert ports.next_free(first, {first}) > first


def test_full_disk_is_named_with_both_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how much is free and how much is needed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Usage(0, 0, 100 * 2**20))
    with pytest.raises(DiskFull, match=r"has 100 MiB free; the stack needs 1024 MiB"):
        preflight.check_folders(tmp_path / "data")


def test_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the setting that moves it (here the folder is a file)."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "data").touch()
    with pytest.raises(NotWritable, match="PROMO_DATA_DIR"):
        preflight.check_folders(tmp_path / "data")


def test_secret_is_made_once_for_its_owner(tmp_path: Path) -> None:
    """The administrator's token survives a restart, and only its owner can read it."""
    made = preflight.load_or_create_secret("", tmp_path / "token")
    assert preflight.load_or_create_secret("", tmp_path / "token") == made
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert preflight.load_or_create_secret("given", tmp_path / "token") == "given"


def test_address_of_another_machine_is_named() -> None:
    """Every port would look taken there."""
    with pytest.raises(StackError, match=r"nothing can listen on 192\.0\.2\.1"):
        ports.next_free(23_000, set(), host="192.0.2.1")
