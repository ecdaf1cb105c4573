"""How well the provider behaves; adjustable while it runs."""

from collections.abc import Callable
from typing import Annotated, Literal

from msgspec import Meta, Struct

Share = Annotated[float, Meta(ge=0, le=1)]
Milliseconds = Annotated[float, Meta(ge=0, le=600_000)]

#: What becomes of one request; before and after say whether it took effect.
Fate = Literal["answered", "error-before", "error-after", "hang-before", "hang-after"]


class Behaviour(Struct, frozen=True, forbid_unknown_fields=True):
    """Delays, and shares of the requests."""

    delay_ms: Milliseconds = 0.0
    delay_jitter_ms: Milliseconds = 0.0  # a draw of [0, this) on top
    decline: Share = 0.0  # of authorisations that are asked for the first time
    error: Share = 0.0  # answered 500, half of them after they took effect
    hang: Share = 0.0  # never answered, half of them after they took effect
    duplicate_callbacks: Share = 0.0  # answers that ask to be taken as if they had come twice

    def delay_seconds(self, draw: float) -> float:
        """Return how long a request waits; `draw` lies in [0, 1)."""
        return (self.delay_ms + draw * self.delay_jitter_ms) / 1000

    def fate(self, chance: Callable[[], float]) -> Fate:
        """Draw what becomes of one request."""
        late = chance() < 0.5
        draw = chance()
        if draw < self.hang:
            return "hang-after" if late else "hang-before"
        if draw < self.hang + self.error:
            return "error-after" if late else "error-before"
        return "answered"
