"""The retry budget: how many repeated calls all requests together may make.

Source: Envoy and Finagle, "retry budget": a token bucket that first attempts fill and retries empty.
"""

import time
from collections.abc import Callable

#: Tokens for each first attempt. With 30 % of the calls failing every request can still be tried until it succeeds
#: (0.43 retries each). A provider that fails altogether gets half as many calls again, not five times as many.
TOKENS_PER_ATTEMPT = 0.5
#: Tokens that the bucket holds, and those that time alone adds each second.
MAX_TOKENS = 20.0
TOKENS_PER_SECOND = 2.0


class RetryBudget:
    """A token bucket, full at first."""

    def __init__(
        self,
        tokens_per_attempt: float = TOKENS_PER_ATTEMPT,
        max_tokens: float = MAX_TOKENS,
        tokens_per_second: float = TOKENS_PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens_per_attempt = tokens_per_attempt
        self._max_tokens = max_tokens
        self._tokens_per_second = tokens_per_second
        self._clock = clock
        self._tokens = max_tokens
        self._filled_at = clock()

    def earn(self) -> None:
        """Record a first attempt."""
        self._fill(self._tokens_per_attempt)

    def spend(self) -> bool:
        """Return True if a retry may be made now, and record it."""
        self._fill(0.0)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def _fill(self, tokens: float) -> None:
        now = self._clock()
        tokens += (now - self._filled_at) * self._tokens_per_second
        self._filled_at = now
        self._tokens = min(self._max_tokens, self._tokens + tokens)
