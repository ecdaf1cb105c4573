"""Traces: every record carries a W3C context; where PROMO_OTEL=1, what is done with it is told as a span.

While nothing is told, a context goes through unchanged and this costs next to nothing.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from time import time_ns
from typing import Literal, NamedTuple, Protocol

from schemas.settings import SettingError, Settings

Kind = Literal["server", "client", "producer", "consumer", "internal"]
Attributes = dict[str, str | int]

_CONTEXT = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")


class Context(NamedTuple):
    """A W3C trace context."""

    trace_id: int
    span_id: int
    sampled: bool

    def traceparent(self) -> bytes:
        """Return it as a header."""
        return b"00-%032x-%016x-%02x" % (self.trace_id, self.span_id, self.sampled)


class Span(Protocol):
    """What is being done."""

    @property
    def traceparent(self) -> bytes:
        """The context for what it causes."""

    def set(self, **attributes: str | int) -> None:
        """Say more of it; `__` in a name stands for a dot."""


class Recorder(Protocol):
    """Where spans are told."""

    def span(
        self, name: str, parent: Context | None, kind: Kind, attributes: Attributes
    ) -> AbstractContextManager[Span]:
        """Tell a span of the block; `parent` None begins a trace."""

    def record(
        self,
        name: str,
        parent: Context,
        span_id: int,
        kind: Kind,
        times: tuple[int, int],
        attributes: Attributes,
    ) -> None:
        """Tell a span that is over, under an id that was known before; times in nanoseconds since 1970."""


class _Silent(NamedTuple):
    """A span that is not told."""

    traceparent: bytes

    def set(self, **attributes: str | int) -> None:
        """Say nothing."""


_recorder: Recorder | None = None
#: The context of the span that this task is in, where spans are told.
current: ContextVar[bytes | None] = ContextVar("current", default=None)


def start(settings: Settings, role: str) -> None:
    """Tell spans from here on, where the settings say so. Raises SettingError."""
    if not settings.otel:
        return
    try:
        from schemas.telemetry.otel import recorder
    except ImportError as error:
        raise SettingError(
            f"PROMO_OTEL=1 needs OpenTelemetry ({error}): pip install 'promo-relampago[otel]'"
        ) from error
    use(recorder(role, settings.instance or role))


def use(recorder: Recorder | None) -> None:
    """Tell spans there; None: nowhere."""
    global _recorder  # noqa: PLW0603 - one for the process, as logging has
    _recorder = recorder


def enabled() -> bool:
    """Say whether spans are told."""
    return _recorder is not None


def parse(traceparent: bytes | None) -> Context | None:
    """Return the context of a header; None where it is none."""
    found = _CONTEXT.fullmatch(traceparent or b"")
    if found is None:
        return None
    return Context(int(found[1], 16), int(found[2], 16), bool(int(found[3], 16) & 1))


@contextmanager
def span(name: str, traceparent: bytes | None, kind: Kind, **attributes: str | int) -> Iterator[Span]:
    """Tell what the block does; `__` in the name of an attribute stands for a dot.

    `traceparent` None begins a trace; what belongs to none, or to one that is not sampled, is not told.
    """
    parent = None if _recorder is None else parse(traceparent)
    if _recorder is None or (traceparent is not None and (parent is None or not parent.sampled)):
        yield _Silent(traceparent or b"")
        return
    with _recorder.span(name, parent, kind, dotted(attributes)) as told:
        token = current.set(told.traceparent)
        try:
            yield told
        finally:
            current.reset(token)


def derive(traceparent: bytes, *place: str | int) -> bytes:
    """Return the context of the span that `record` will tell of what is done at a place in a log.

    The same whenever it is done again. While nothing is told, what came is passed on.
    """
    parent = None if _recorder is None else parse(traceparent)
    if parent is None or not parent.sampled:
        return traceparent
    return parent._replace(span_id=_span_id(place)).traceparent()


def record(
    name: str, traceparent: bytes | None, place: tuple[str | int, ...], began: int, **attributes: str | int
) -> None:
    """Tell what was done at a place, from `began`, in nanoseconds since 1970, until now."""
    parent = parse(traceparent)
    if _recorder is None or parent is None or not parent.sampled:
        return
    times = (began, max(began, time_ns()))
    _recorder.record(name, parent, _span_id(place), "consumer", times, dotted(attributes))


def dotted(attributes: Attributes) -> Attributes:
    """Return attributes under the names that they have in traces."""
    return {name.replace("__", "."): value for name, value in attributes.items()}


def _span_id(place: tuple[str | int, ...]) -> int:
    digest = hashlib.blake2b(repr(place).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") or 1
