"""Spans by OpenTelemetry; what is told where, and how much of it, is said by the standard OTEL_ variables."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.context import Context as OtelContext
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from schemas.telemetry.tracing import Attributes, Context, Kind, Span, dotted

_KINDS: dict[Kind, SpanKind] = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
    "internal": SpanKind.INTERNAL,
}
#: The id of the next span, where it was known before.
_given_id: ContextVar[int | None] = ContextVar("given_id", default=None)


class _Ids(RandomIdGenerator):
    """Random ids, but where one is given."""

    def generate_span_id(self) -> int:
        """Return the next span's id."""
        return _given_id.get() or super().generate_span_id()


class _Told:
    """A span that is told."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> bytes:
        """The context for what it causes."""
        context = self._span.get_span_context()
        return Context(context.trace_id, context.span_id, context.trace_flags.sampled).traceparent()

    def set(self, **attributes: str | int) -> None:
        """Say more of it."""
        self._span.set_attributes(dotted(attributes))


class OtelRecorder:
    """Tells spans to a tracer."""

    def __init__(self, provider: TracerProvider) -> None:
        """Take the provider, whose ids are `ids()`."""
        self._tracer = provider.get_tracer("promo-relampago")

    @contextmanager
    def span(self, name: str, parent: Context | None, kind: Kind, attributes: Attributes) -> Iterator[Span]:
        """Tell a span of the block; of an error its kind only, which holds nothing of persons."""
        span = self._tracer.start_span(name, _under(parent), _KINDS[kind], attributes)
        try:
            yield _Told(span)
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            span.end()

    def record(
        self,
        name: str,
        parent: Context,
        span_id: int,
        kind: Kind,
        times: tuple[int, int],
        attributes: Attributes,
    ) -> None:
        """Tell a span that is over."""
        token = _given_id.set(span_id)
        try:
            span = self._tracer.start_span(
                name, _under(parent), _KINDS[kind], attributes, start_time=times[0]
            )
        finally:
            _given_id.reset(token)
        span.end(times[1])


def ids() -> RandomIdGenerator:
    """Return the generator of ids that a provider must have."""
    return _Ids()


def recorder(role: str, instance: str) -> OtelRecorder:
    """Return what tells the spans of this process."""
    names = {
        "service.name": os.environ.get("OTEL_SERVICE_NAME", f"promo-{role}"),
        "service.instance.id": instance,
    }
    provider = TracerProvider(resource=Resource.create(names), id_generator=ids())
    exporter = _exporter(os.environ.get("OTEL_TRACES_EXPORTER", "otlp"))
    if exporter is not None:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return OtelRecorder(provider)


def _exporter(name: str) -> SpanExporter | None:
    if name == "none":
        return None
    return ConsoleSpanExporter() if name == "console" else OTLPSpanExporter()


def _under(parent: Context | None) -> OtelContext:
    if parent is None:
        return OtelContext()
    flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
    above = SpanContext(parent.trace_id, parent.span_id, is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(NonRecordingSpan(above), OtelContext())
