"""The broker's folder and its command line."""

import base64
import uuid
from pathlib import Path
from string import Template

from compose.kafka import jars, startup_cache
from compose.kafka.java import Java

HERE = Path(__file__).parent

#: JDK 24 and newer warn of what Kafka's own libraries do.
QUIET_SINCE = 24
HEAP = "400m"  # 256m starts and idles; the rest is for many clients' fetches in a surge


def prepare(folder: Path, port: int) -> None:
    """Write what the broker reads. An existing folder keeps its data; the ports may differ from last time."""
    log = folder / "log"
    log.mkdir(parents=True, exist_ok=True)
    if not (log / "meta.properties").exists():
        # what kafka-storage format would write, without two seconds of Java
        (log / "meta.properties").write_text(
            f"version=1\nnode.id=1\ncluster.id={_random_id()}\ndirectory.id={_random_id()}\n"
        )
    template = Template((HERE / "broker.properties").read_text())
    settings = template.substitute(port=port, controller_port=port + 1)
    (folder / "broker.properties").write_text(settings)


def command(java: Java, cache_flags: list[str] | None = None, *, quick_start: bool = False) -> list[str]:
    """Return the command that runs a broker in its folder (the working directory).

    `quick_start` spares the compiler, for brokers that are started often and live for a minute.
    """
    flags = startup_cache.use(java) if cache_flags is None else cache_flags
    if quick_start:
        flags = [*flags, "-XX:TieredStopAtLevel=1"]
    if java.major >= QUIET_SINCE:
        flags = [*flags, "--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"]
    return [
        str(java.executable),
        *flags,
        f"-Xmx{HEAP}",
        "-XX:+UseSerialGC",
        "-XX:+ExitOnOutOfMemoryError",  # a broker that limps is worse than one that is started again
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}",
        "-cp",
        jars.class_path(jars.installed()),
        "kafka.Kafka",
        "broker.properties",
    ]


def _random_id() -> str:
    """Return a Kafka Uuid: 22 characters that do not start with a dash, which Kafka's tools take for a flag."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text
