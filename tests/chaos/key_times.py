"""When each idempotency key was first sent and when its order was known, and so whether it lived at an attempt."""

from typing import Literal

#: A restaurant and a key.
KeyName = tuple[str, str]


class KeyTimes:
    """Times are those of time.time(): the broker that stamps the orders runs on the same machine."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds  # that a key lives from the creation of its order
        self._sent: dict[KeyName, float] = {}
        self._known: dict[KeyName, float] = {}

    def record(self, key: KeyName, sent_at: float, answered_at: float, *, is_known: bool) -> None:
        """Note an attempt; `is_known`: its answer showed that the key has a decided order."""
        self._sent.setdefault(key, sent_at)
        if is_known:
            self._known.setdefault(key, answered_at)

    def first_sent(self, key: KeyName) -> float | None:
        """Return when a key was first sent; None: never."""
        return self._sent.get(key)

    def is_over(self, key: KeyName, at: float) -> bool:
        """Return True if the key's order is known and its time was certainly over."""
        return key in self._known and at > self._known[key] + self._seconds

    def state(self, key: KeyName, sent_at: float, answered_at: float) -> Literal["live", "over", "unsure"]:
        """Return what is certain of the key during an attempt that was recorded."""
        if self.is_over(key, sent_at):
            return "over"
        return "live" if answered_at < self._sent[key] + self._seconds else "unsure"
