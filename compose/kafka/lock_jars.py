"""Write jgo.lock.toml again from jgo.toml: python -m compose.kafka.lock_jars."""

import tempfile
from pathlib import Path

from compose.kafka import jars, java


def main() -> None:
    """Resolve the versions, and keep the result as the lock."""
    with tempfile.TemporaryDirectory() as work:
        folder = jars.download(Path(work), java.find(), lambda kind, text, exit_status=0: print(text))
        jars.LOCK.write_text((folder / "jgo.lock.toml").read_text())


if __name__ == "__main__":
    main()
