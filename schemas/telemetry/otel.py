"""The OpenTelemetry SDK, configured; imported only where PROMO_OTEL_ENABLED=1.

The standard OTEL_ variables choose the exporter, its endpoint and the sampler.
"""

import os
from contextvars import ContextVar

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator


class SpanIds(RandomIdGenerator):
    """Random ids, except for a span whose id was chosen before it starts."""

    def __init__(self, chosen: ContextVar[int | None]) -> None:
        self._chosen = chosen

    def generate_span_id(self) -> int:
        """Return the next span's id."""
        return self._chosen.get() or super().generate_span_id()


def tracer_provider(role: str, instance: str, chosen_span_id: ContextVar[int | None]) -> TracerProvider:
    """Return the provider of this process, which exports as OTEL_TRACES_EXPORTER says: otlp, console or none."""
    names = {
        "service.name": os.environ.get("OTEL_SERVICE_NAME", f"promo-{role}"),
        "service.instance.id": instance,
    }
    provider = TracerProvider(resource=Resource.create(names), id_generator=SpanIds(chosen_span_id))
    match os.environ.get("OTEL_TRACES_EXPORTER", "otlp"):
        case "none":
            pass
        case "console":
            provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
        case _:
            provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
