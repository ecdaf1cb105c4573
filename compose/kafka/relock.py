"""Write jgo.lock.toml anew from jgo.toml: python -m compose.kafka.relock."""

import tempfile
from pathlib import Path

from compose.kafka import jars, java


def main() -> None:
    """Resolve, and keep the result as the lock."""
    with tempfile.TemporaryDirectory() as work:
        fresh = jars.download(Path(work), java.find(), lambda event: print(event.text))
        jars.LOCK.write_text((fresh / "jgo.lock.toml").read_text())


if __name__ == "__main__":
    main()
