"""Traces by the OpenTelemetry API. Every record carries a W3C trace context, with or without an SDK.

PROMO_OTEL_ENABLED=1 configures the SDK (`otel.py`). Until then contexts pass through unchanged and no call here
reaches the API: its own no-op span costs several times as much.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from time import time_ns

from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    Tracer,
    TracerProvider,
    get_current_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from schemas.settings import SettingError, Settings

Attributes = Mapping[str, str | int]

#: The id of the next span where `record` has chosen one; an id generator must honour it (`otel.SpanIds`).
chosen_span_id: ContextVar[int | None] = ContextVar("chosen_span_id", default=None)

_propagator = TraceContextTextMapPropagator()
_no_span = nullcontext(INVALID_SPAN)
_tracer: Tracer | None = None


def start(settings: Settings, role: str) -> None:
    """Export spans from now on if PROMO_OTEL_ENABLED=1. Raises SettingError if the SDK is not installed."""
    if not settings.otel_enabled:
        return
    try:
        from schemas.telemetry.otel import tracer_provider
    except ImportError as error:
        raise SettingError(
            f"PROMO_OTEL_ENABLED=1 needs OpenTelemetry ({error}): pip install 'promo-relampago[otel]'"
        ) from error
    use(tracer_provider(role, settings.instance or role, chosen_span_id))


def use(provider: TracerProvider | None) -> None:
    """Send spans to this provider; None turns tracing off."""
    global _tracer  # noqa: PLW0603 - one for the process, as logging has
    _tracer = provider.get_tracer("promo-relampago") if provider else None


def is_enabled() -> bool:
    """Return True if spans are recorded; hot paths check this before they build attributes."""
    return _tracer is not None


def parse(traceparent: bytes | None) -> SpanContext:
    """Return the context of a `traceparent` header; its `is_valid` is False if the header cannot be read."""
    return get_current_span(_extract(traceparent)).get_span_context()


def span(
    name: str, traceparent: bytes | None, kind: SpanKind, attributes: Attributes | None = None
) -> AbstractContextManager[Span]:
    """Return a context manager that records its block as a span and makes it the current one.

    `traceparent` is the parent; None starts a new trace, and under an unreadable one nothing is recorded.
    """
    if _tracer is None:
        return _no_span
    parent = _extract(traceparent)
    if traceparent is not None and not parent:
        return _no_span
    return _recorded_span(_tracer, name, parent, kind, attributes)


def current_traceparent() -> bytes | None:
    """Return the context for what the current span causes; None outside of any span."""
    if _tracer is None:
        return None
    context = get_current_span().get_span_context()
    return _render(context.trace_id, context.span_id, context.trace_flags) if context.is_valid else None


def derive(traceparent: bytes, *source: str | int) -> bytes:
    """Return the context of the span that `record` will export for the record at this source.

    The span id is a hash of the source (topic, partition, offset), so a second attempt gets the same one. While
    tracing is off, or if `traceparent` cannot be read, it is returned as it is.
    """
    if _tracer is None or not (parent := parse(traceparent)).is_valid:
        return traceparent
    return _render(parent.trace_id, _span_id(source), parent.trace_flags)


def record(
    name: str,
    traceparent: bytes | None,
    source: tuple[str | int, ...],
    started_ns: int,
    attributes: Attributes | None = None,
) -> None:
    """Export the span of work on the record at `source`, from `started_ns` (since 1970) until now."""
    if _tracer is None or not (parent := _extract(traceparent)):
        return
    token = chosen_span_id.set(_span_id(source))
    try:
        span = _tracer.start_span(name, parent, SpanKind.CONSUMER, attributes, start_time=started_ns)
    finally:
        chosen_span_id.reset(token)
    span.end(max(started_ns, time_ns()))


@contextmanager
def _recorded_span(
    tracer: Tracer, name: str, parent: Context, kind: SpanKind, attributes: Attributes | None
) -> Iterator[Span]:
    with tracer.start_as_current_span(
        name, parent, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            # the class only: a message may hold personal data
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def _extract(traceparent: bytes | None) -> Context:
    """Return the context with the remote parent that a header names; an empty one if it cannot be read."""
    carrier = {"traceparent": (traceparent or b"").decode("ascii", "replace")}
    return _propagator.extract(carrier, Context())


def _render(trace_id: int, span_id: int, flags: int) -> bytes:
    return b"00-%032x-%016x-%02x" % (trace_id, span_id, flags)


def _span_id(source: tuple[str | int, ...]) -> int:
    digest = hashlib.blake2b(repr(source).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") or 1
