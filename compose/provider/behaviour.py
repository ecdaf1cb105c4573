"""The failures and delays of the provider, which can be set while it runs."""

from collections.abc import Callable, Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.settings import Settings

Share = Annotated[float, Meta(ge=0, le=1)]
DelayMs = Annotated[float, Meta(ge=0, le=600_000)]

#: The outcome of one request. `before` and `after`: it fails before or after it took effect.
Fate = Literal["answered", "error-before", "error-after", "hang-before", "hang-after"]


class Behaviour(Struct, frozen=True, forbid_unknown_fields=True):
    """Delays in milliseconds, and shares of the requests, from 0 to 1."""

    delay_ms: DelayMs = 0.0
    delay_jitter_ms: DelayMs = 0.0  # uniform in [0, this), on top
    decline: Share = 0.0  # of the first authorisation of each payment
    error: Share = 0.0  # answered 500, half of them after they took effect
    hang: Share = 0.0  # never answered, half of them after they took effect
    duplicate_callbacks: Share = 0.0  # answers that the gateway must deliver twice
    reject_status: Literal[0, 401, 403, 404] = (
        0  # the answer to every request, before it takes effect; 0: none
    )

    def delay_seconds(self, draw: float) -> float:
        """Return the delay of a request; `draw` lies in [0, 1)."""
        return (self.delay_ms + draw * self.delay_jitter_ms) / 1000

    def fate(self, draw: Callable[[], float]) -> Fate:
        """Draw the outcome of one request; `draw` returns numbers in [0, 1)."""
        after = draw() < 0.5
        share = draw()
        if share < self.hang:
            return "hang-after" if after else "hang-before"
        if share < self.hang + self.error:
            return "error-after" if after else "error-before"
        return "answered"


def initial(settings: Settings) -> Behaviour:
    """Return the behaviour that PROMO_PROVIDER_BEHAVIOUR names; raises msgspec.DecodeError."""
    return msgspec.json.decode(settings.provider_behaviour or "{}", type=Behaviour)


def faults(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with PROMO_PROVIDER_BEHAVIOUR, a check for `settings.read`."""
    try:
        initial(settings)
    except msgspec.DecodeError as error:
        yield f"PROMO_PROVIDER_BEHAVIOUR={settings.provider_behaviour!r}: {error}"
