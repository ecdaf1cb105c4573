"""promo scale role=number ...: start or stop processes of a role while the others keep running."""

from rich.console import Console

from compose.errors import NotRunning, StackError
from compose.supervisor import control, scaling_bounds
from compose.supervisor.stack_state import StackDir
from schemas.settings import Settings


def parse_role_counts(arguments: list[str]) -> dict[str, int]:
    """Return the number of processes by role of `role=number` arguments. Raises StackError."""
    counts = {}
    for argument in arguments:
        role, _, number = argument.partition("=")
        if not number.isdecimal():
            raise StackError(f"{argument!r} is not role=number, as in streams=3 ingress=2.")
        counts[role] = int(number)
    return counts


def run(settings: Settings, arguments: list[str], console: Console) -> int:
    """Return once new processes work and old ones have ended. Raises StackError."""
    counts = parse_role_counts(arguments)
    stack_dir = StackDir.of(settings)
    if stack_dir.read_state() is None:
        if not counts:
            scaling_bounds.check(counts, settings)
        raise NotRunning(stack_dir.folder)
    with console.status("scaling"):
        try:
            # the bounds are those of the running stack, whose settings may differ from ours
            reply = control.request_scale(stack_dir, counts)
        except OSError as error:
            raise StackError(f"the supervisor does not answer: {error}. See {stack_dir.log}.") from error
    if reply.error is not None:
        raise StackError(reply.error)
    console.print(", ".join(f"{role}: {count}" for role, count in counts.items()))
    return 0
