"""Java's ahead-of-time cache of the broker's classes: a start of 0.7 s instead of 1.8 s.

startup_cache_builder.py builds it. A start without it, or with an outdated one, is only slower.
"""

from pathlib import Path

from compose.kafka import jars
from compose.kafka.java import Java

#: Caches of other environments that are kept; each is 66 MB, and that of a removed environment is never used again.
MAX_OTHER_CACHES = 2


def path(java: Java) -> Path:
    """Return the cache file of this Java and these jars; it may not exist."""
    stamp = int(java.executable.stat().st_mtime)
    return jars.install_folder().with_name(f"{jars.install_folder().name}-java{java.major}-{stamp}.aot")


def jvm_flags(java: Java) -> list[str]:
    """Return the flags that use the cache; none if there is no cache."""
    if not java.has_startup_cache or not path(java).exists():
        return []
    return [f"-XX:AOTCache={path(java)}", "-XX:AOTMode=auto"]  # auto: an outdated cache is ignored


def is_missing(java: Java) -> bool:
    """Return True if this Java can use a cache and there is none."""
    return java.has_startup_cache and jars.install_folder().exists() and not path(java).exists()


def remove_outdated(java: Java) -> None:
    """Remove all caches but this Java's and the newest MAX_OTHER_CACHES of others; brokers that run are not affected."""
    ours = path(java)
    others = [other for other in ours.parent.glob("*.aot") if other != ours]
    for old in sorted(others, key=lambda other: other.stat().st_mtime, reverse=True)[MAX_OTHER_CACHES:]:
        old.unlink(missing_ok=True)
