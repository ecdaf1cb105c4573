"""The application over fakes, as the tests of ingress have it, and the spans that a test exports."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from schemas.telemetry import tracing
from schemas.telemetry.otel import SpanIds
from tests.unit.ingress.conftest import (  # noqa: F401
    client,
    fast_path,
    issued,
    keyring,
    log,
    partner_tokens,
    settings,
    views,
)


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    """Spans are recorded for the test; returns those that have ended."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(id_generator=SpanIds(tracing.chosen_span_id))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider)
    yield exporter
    tracing.use(None)
