"""Progress messages in the terminal while the stack starts and stops."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Literal, Protocol

from msgspec import Struct
from rich.console import Console
from rich.text import Text

ProgressKind = Literal["working", "done", "note", "ready", "failed"]
MARKS: dict[ProgressKind, str] = {"working": "…", "done": "✓", "note": "•", "ready": "✓", "failed": "✗"}
COLOURS: dict[ProgressKind, str] = {"done": "green", "note": "yellow", "ready": "green", "failed": "red"}


class Report(Protocol):
    """Shows a message. `working`: the current step; `done`: a finished one; `ready` and `failed`: the last message.

    `exit_status` is that of the command, after `failed`.
    """

    def __call__(self, kind: ProgressKind, text: str, exit_status: int = 0) -> None: ...


class ProgressEvent(Struct, frozen=True):
    """One message on its way from the supervisor to `promo up`."""

    kind: ProgressKind
    text: str
    exit_status: int


@contextmanager
def show_progress(console: Console) -> Iterator[Report]:
    """Yield a function that prints messages: with a spinner on a terminal, else one line each."""
    with console.status("") if console.is_terminal else nullcontext() as status:

        def report(kind: ProgressKind, text: str, exit_status: int = 0) -> None:
            if kind == "working" and status is not None:
                status.update(text)
            else:
                line = Text.assemble((MARKS[kind], COLOURS.get(kind, "")), " ", text)
                console.print(line, soft_wrap=True)  # one call, so that the spinner does not come between

        yield report
