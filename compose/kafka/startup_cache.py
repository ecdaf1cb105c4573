"""Java's ahead-of-time cache of the broker's classes: a start of 0.7 s instead of 1.8 s.

compose/kafka/training.py makes it. A start without it, or with a stale one, is just slower.
"""

from pathlib import Path

from compose.kafka import jars
from compose.kafka.java import Java

#: Caches of other environments that are kept; each is 66 MB, and of an environment that was made anew nobody asks for it.
OTHERS_KEPT = 2


def path(java: Java) -> Path:
    """Return the cache's file for this Java and these jars; it may not exist."""
    stamp = int(java.executable.stat().st_mtime)
    return jars.installed().with_name(f"{jars.installed().name}-java{java.major}-{stamp}.aot")


def use(java: Java) -> list[str]:
    """Return the flags that use the cache; none where there is none."""
    if not java.caches_startup or not path(java).exists():
        return []
    return [f"-XX:AOTCache={path(java)}", "-XX:AOTMode=auto"]  # auto: a stale cache is ignored


def missing(java: Java) -> bool:
    """Say whether it is worth training."""
    return java.caches_startup and jars.installed().exists() and not path(java).exists()


def let_others_go(java: Java) -> None:
    """Remove all caches but this Java's and the newest few of others; a broker that uses one is not disturbed."""
    ours = path(java)
    others = [other for other in ours.parent.glob("*.aot") if other != ours]
    for old in sorted(others, key=lambda other: other.stat().st_mtime, reverse=True)[OTHERS_KEPT:]:
        old.unlink(missing_ok=True)
