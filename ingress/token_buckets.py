"""Token buckets, one for each client: so much at once, so much a second in the long run. Pure: time is an argument."""

from collections import OrderedDict

from msgspec import Struct

#: Clients remembered; who asked longest ago is forgotten first, and has a full bucket when it comes again.
MOST_CLIENTS = 50_000


class Verdict(Struct, frozen=True):
    """What became of a request for a token."""

    granted: bool
    left: int  # whole tokens
    full_in: float  # seconds until the bucket is full again
    next_in: float  # seconds until there is a token; 0: there is one


class TokenBuckets:
    """The buckets of all clients."""

    def __init__(self, rate: float, burst: int, most: int = MOST_CLIENTS) -> None:
        """Take the tokens a second, how many a bucket holds, and how many clients are remembered."""
        self.rate = rate
        self.burst = burst
        self._most = most
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and as of when

    def take(self, client: str, now: float) -> Verdict:
        """Take one token of a client's, if it has one."""
        tokens, at = self._held.pop(client, (float(self.burst), now))
        tokens = min(float(self.burst), tokens + max(0.0, now - at) * self.rate)
        granted = tokens >= 1.0
        if granted:
            tokens -= 1.0
        self._held[client] = (tokens, max(at, now))
        if len(self._held) > self._most:
            self._held.popitem(last=False)
        missing = max(0.0, 1.0 - tokens)
        return Verdict(granted, int(tokens), (self.burst - tokens) / self.rate, missing / self.rate)
