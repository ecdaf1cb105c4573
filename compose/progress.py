"""What a person sees while the stack starts and stops."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from msgspec import Struct
from rich.console import Console
from rich.text import Text

Kind = Literal["working", "done", "note", "ready", "failed"]
MARKS: dict[Kind, str] = {"working": "…", "done": "✓", "note": "•", "ready": "✓", "failed": "✗"}
COLOURS: dict[Kind, str] = {"done": "green", "note": "yellow", "ready": "green", "failed": "red"}


class Event(Struct, frozen=True):
    """`working`: what goes on now; `done`: behind us; `note`: worth knowing; `ready`, `failed`: the end."""

    kind: Kind
    text: str


Report = Callable[[Event], None]


@contextmanager
def shown(console: Console) -> Iterator[Report]:
    """Yield a Report that shows events: a spinner and ticked lines on a terminal, else plain lines."""
    if not console.is_terminal:
        yield lambda event: _line(console, event)
        return
    with console.status("") as status:

        def report(event: Event) -> None:
            if event.kind == "working":
                status.update(event.text)
            else:
                _line(console, event)

        yield report


def _line(console: Console, event: Event) -> None:
    line = Text.assemble((MARKS[event.kind], COLOURS.get(event.kind, "")), " ", event.text)
    console.print(line, soft_wrap=True)  # in one go: a spinner may stand in between
