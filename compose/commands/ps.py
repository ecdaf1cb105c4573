"""python -m compose ps: one JSON line per running process."""

import json
from pathlib import Path

from compose.supervisor.state import Home
from schemas.settings import Settings


def run(settings: Settings) -> int:
    """Print them; nothing where no stack runs."""
    for process in Home(Path(settings.data_dir).resolve()).alive():
        fields = {name: getattr(process, name) for name in ("name", "role", "pid", "url", "log")}
        print(json.dumps(fields))
    return 0
