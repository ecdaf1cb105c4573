"""W3C contexts, and traces that are off by default."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from schemas import codec
from schemas.settings import SettingError, Settings
from schemas.telemetry import tracing

GIVEN = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

contexts = st.builds(
    lambda trace_id, span_id, flags: b"00-%032x-%016x-%02x" % (trace_id, span_id, flags),
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.integers(0, 255),
)


def written(traceparent: bytes | None) -> bytes:
    context = tracing.parse(traceparent)
    return b"00-%032x-%016x-%02x" % (context.trace_id, context.span_id, context.trace_flags)


@given(contexts)
def test_a_context_is_read_as_it_was_written(traceparent: bytes) -> None:
    """Ids and flags."""
    assert tracing.parse(traceparent).is_valid and written(traceparent) == traceparent


@given(st.binary() | st.from_regex(rb"00-[0-9a-f]{31,33}-[0-9a-f]{15,17}-[0-9a-f]{2}"))
def test_any_header_is_read_or_is_invalid(header: bytes) -> None:
    """Headers come from anywhere; one that is read is written again equally."""
    assert not tracing.parse(header).is_valid or written(header) == header.rstrip(b"\n")


@pytest.mark.parametrize(
    "header", [None, b"", codec.NO_TRACE, b"00-" + b"0" * 32 + b"-" + b"1" * 16 + b"-01", b"01-x"]
)
def test_an_unreadable_context_is_invalid(header: bytes | None) -> None:
    """Missing, all zeros, or of another form."""
    assert not tracing.parse(header).is_valid


def test_new_contexts_are_valid() -> None:
    """Sampled or not."""
    for sampled in (True, False):
        made = tracing.parse(codec.new_traceparent(sampled=sampled))
        assert made.is_valid and made.trace_flags.sampled is sampled


def test_while_off_contexts_pass_through() -> None:
    """Nothing is recorded."""
    with tracing.span("send", GIVEN, SpanKind.PRODUCER) as span:
        assert not span.is_recording() and tracing.current_traceparent() is None
    assert tracing.derive(GIVEN, "order.commands", 0, 7) == GIVEN
    assert not tracing.is_enabled()


def only(exporter: InMemorySpanExporter) -> ReadableSpan:
    [span] = exporter.get_finished_spans()
    return span


def test_a_recorded_span_has_the_id_that_was_derived_before(exported: InMemorySpanExporter) -> None:
    """A transaction's records name its span before the commit, and the same one at a second attempt."""
    source = ("order.commands", 3, 17)
    derived = tracing.derive(GIVEN, *source)
    assert derived == tracing.derive(GIVEN, *source) != tracing.derive(GIVEN, "order.commands", 3, 18)
    assert not exported.get_finished_spans()
    tracing.record("process", GIVEN, source, 1)
    span = only(exported)
    assert span.context.span_id == tracing.parse(derived).span_id
    assert span.context.trace_id == tracing.parse(GIVEN).trace_id
    assert tracing.chosen_span_id.get() is None


def test_an_error_is_recorded_by_its_class_alone(exported: InMemorySpanExporter) -> None:
    """A message may hold what a person typed."""
    with pytest.raises(ValueError), tracing.span("send", GIVEN, SpanKind.PRODUCER):
        raise ValueError("Ana Souza")
    span = only(exported)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ValueError")
    assert "Ana" not in span.to_json()


@pytest.mark.parametrize("header", [b"", codec.NO_TRACE, GIVEN[:-2] + b"00"])
def test_an_unreadable_or_unsampled_parent_exports_nothing(
    exported: InMemorySpanExporter, header: bytes
) -> None:
    """The caller decides about sampling."""
    with tracing.span("send", header, SpanKind.PRODUCER):
        pass
    tracing.record("process", header, ("order.commands", 0, 1), 1)
    assert not exported.get_finished_spans()


def test_without_a_parent_a_trace_starts(exported: InMemorySpanExporter) -> None:
    """Its span is the current one within the block only."""
    with tracing.span("GET /v1/restaurants", None, SpanKind.SERVER):
        current = tracing.parse(tracing.current_traceparent())
    assert only(exported).context.span_id == current.span_id and only(exported).parent is None
    assert tracing.current_traceparent() is None


def test_traces_are_off_by_default_and_the_sdk_is_not_imported() -> None:
    """The SDK is an extra; redis-py imports by itself what it finds of it."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, ingress.bootstrap, egress.bootstrap, streams.topology, compose.provider.app\n"
            "from schemas.telemetry import tracing; from schemas.settings import Settings\n"
            "tracing.start(Settings(), 'x'); print('schemas.telemetry.otel' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


def test_a_missing_sdk_is_an_error_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the command that installs it."""
    monkeypatch.setitem(sys.modules, "schemas.telemetry.otel", None)
    with pytest.raises(SettingError, match=r"promo-relampago\[otel\]"):
        tracing.start(Settings(otel_enabled=True), "ingress")
    assert not tracing.is_enabled()
