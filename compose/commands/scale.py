"""python -m compose scale role=number ...: start or stop processes of a role while the rest keeps running."""

from pathlib import Path

from rich.console import Console

from compose.errors import NotRunning, StackError
from compose.supervisor import control
from compose.supervisor.state import Home
from schemas.settings import Settings


def wanted(arguments: list[str]) -> dict[str, int]:
    """Read `role=number` arguments. Raises StackError."""
    result = {}
    for argument in arguments:
        role, _, number = argument.partition("=")
        if not number.isdecimal():
            raise StackError(f"{argument!r}: say role=number, for example streams=3 ingress=2.")
        result[role] = int(number)
    if not result:
        raise StackError("say what to scale, for example: make scale streams=3 ingress=2")
    return result


def run(settings: Settings, arguments: list[str], console: Console) -> int:
    """Return once new processes work and old ones are gone. Raises StackError."""
    asked = wanted(arguments)
    home = Home(Path(settings.data_dir).resolve())
    if home.read() is None:
        raise NotRunning(home.folder)
    with console.status("scaling"):
        try:
            answer = control.request(home, asked)
        except OSError as error:
            raise StackError(f"the supervisor did not answer: {error}; see {home.log}") from error
    if answer.error is not None:
        raise StackError(answer.error)
    console.print(", ".join(f"{role}: {number}" for role, number in asked.items()))
    return 0
