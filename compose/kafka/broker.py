"""The broker's folder and its command line."""

import base64
import uuid
from pathlib import Path
from string import Template

from compose.kafka import jars, startup_cache
from compose.kafka.java import Java

HERE = Path(__file__).parent

#: From this JDK on there are warnings about Kafka's own libraries, which flags silence.
MIN_JAVA_WITH_WARNINGS = 24
MAX_HEAP = "400m"  # 256m is enough to start; the rest is for the fetches of many clients in a surge


def prepare(folder: Path, port: int) -> None:
    """Write the broker's files. An existing folder keeps its data, also under other ports."""
    log = folder / "log"
    log.mkdir(parents=True, exist_ok=True)
    if not (log / "meta.properties").exists():
        # the file that `kafka-storage format` writes in two seconds of Java
        (log / "meta.properties").write_text(
            f"version=1\nnode.id=1\ncluster.id={_random_id()}\ndirectory.id={_random_id()}\n"
        )
    template = Template((HERE / "broker.properties").read_text())
    settings = template.substitute(port=port, controller_port=port + 1)
    (folder / "broker.properties").write_text(settings)


def command(java: Java, cache_flags: list[str] | None = None, *, quick_start: bool = False) -> list[str]:
    """Return the command that runs a broker in its folder (the working directory).

    Args:
        cache_flags: in place of those that use the start-up cache.
        quick_start: compile less, for brokers that start often and run for minutes.
    """
    flags = startup_cache.jvm_flags(java) if cache_flags is None else cache_flags
    if quick_start:
        flags = [*flags, "-XX:TieredStopAtLevel=1"]
    if java.major >= MIN_JAVA_WITH_WARNINGS:
        flags = [*flags, "--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"]
    return [
        str(java.executable),
        *flags,
        f"-Xmx{MAX_HEAP}",
        "-XX:+UseSerialGC",
        "-XX:+ExitOnOutOfMemoryError",  # the supervisor restarts it; a broker without memory would only be slow
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}",
        "-cp",
        jars.class_path(jars.install_folder()),
        "kafka.Kafka",
        "broker.properties",
    ]


def _random_id() -> str:
    """Return a Kafka Uuid: 22 characters. None starts with a dash, which Kafka's tools read as a flag."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text
