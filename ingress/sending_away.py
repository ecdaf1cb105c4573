"""Those who are sent away are told together, so that it does not wake this process and theirs for each of them.

At three times what can be decided two of three are sent away, and what takes the machine's time is less the answer than
the waking. They are to come back in a second or more: a hundredth of it is nothing to them.
"""

import asyncio
from typing import Protocol

#: How long an answer may be held, in seconds.
HOLD_SECONDS = 0.02


class Refused(Protocol):
    """Who is to be told."""

    def tell(self) -> None:
        """Send the answer."""


class SendingAway:
    """Holds answers for a moment."""

    def __init__(self) -> None:
        self._held: list[Refused] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def hold(self, refused: Refused) -> None:
        """Tell somebody soon."""
        self._held.append(refused)
        if self._closed:
            self.tell()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HOLD_SECONDS, self.tell)

    def tell(self) -> None:
        """Tell all who are held now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        held, self._held = self._held, []
        for refused in held:
            refused.tell()

    def close(self) -> None:
        """Tell all, and hold nobody from now on: connections are about to end."""
        self._closed = True
        self.tell()
