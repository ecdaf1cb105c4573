"""promo ps: one JSON line per running process."""

import json

from compose.supervisor.stack_state import StackDir
from schemas.settings import Settings


def run(settings: Settings) -> int:
    """Print the processes; nothing if no stack runs."""
    for process in StackDir.of(settings).running_processes():
        fields = {name: getattr(process, name) for name in ("name", "role", "pid", "url", "log")}
        print(json.dumps(fields))
    return 0
