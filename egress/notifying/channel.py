"""A channel, as the courier sees it: whom a delivery goes to, and one attempt at it."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from egress.fact_log import Record

D = TypeVar("D")


class FailedError(Exception):
    """The recipient did not take it; whether it did is unknown. Try again, not before `retry_after` seconds."""

    def __init__(self, message: str, status: int | None = None, retry_after: float = 0.0) -> None:
        """Say why, with the status of the answer where there was one."""
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class AnswerError(Exception):
    """What the recipient said, or is, makes further attempts useless; it counts as no failure of the recipient."""


class GoneError(AnswerError):
    """The recipient wants no more of it: it said so now or before, or nobody is there to be told."""


class RefusedError(AnswerError):
    """This delivery can never be carried out as it is."""


class Channel(ABC, Generic[D]):
    """Carries out the deliveries of one topic.

    `at_once` is how many attempts are made at once at one recipient, `retry_seconds` how long each
    delivery is tried.
    """

    name: str
    topic: str
    at_once: int
    retry_seconds: float

    @abstractmethod
    def read(self, record: Record) -> D:
        """Return the delivery that the record holds; raises UnreadableError."""

    @abstractmethod
    def recipient(self, delivery: D) -> str:
        """Return whose failures and slowness are counted together."""

    @abstractmethod
    async def send(self, delivery: D, attempt: int) -> None:
        """Try once, within a time of its own; raises FailedError, GoneError, RefusedError."""
