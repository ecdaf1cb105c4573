"""W3C contexts, and traces that are off by default."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.settings import SettingError, Settings
from schemas.telemetry import tracing
from schemas.telemetry.tracing import Context

contexts = st.builds(Context, st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans())


@given(contexts)
def test_a_context_is_read_as_it_was_written(context: Context) -> None:
    assert tracing.parse(context.traceparent()) == context


@given(st.binary() | st.from_regex(rb"00-[0-9a-f]{31,33}-[0-9a-f]{15,17}-[0-9a-f]{2}"))
def test_whatever_a_header_holds_is_read_or_is_none(header: bytes) -> None:
    """Headers come from strangers; what is read is written as the same ids."""
    context = tracing.parse(header)
    assert context is None or context.traceparent()[:-2] == header.rstrip(b"\n")[:-2]


@pytest.mark.parametrize(
    "header", [None, b"", codec.NO_TRACE, b"00-" + b"0" * 32 + b"-" + b"1" * 16 + b"-01", b"01-x"]
)
def test_what_is_no_context_is_none(header: bytes | None) -> None:
    assert tracing.parse(header) is None


def test_fresh_contexts_are_contexts() -> None:
    for sampled in (True, False):
        made = tracing.parse(codec.new_traceparent(sampled=sampled))
        assert made is not None and made.sampled is sampled


def test_traces_are_off_by_default_and_then_opentelemetry_is_not_asked_for() -> None:
    """It is an extra (redis-py imports what it finds of it by itself)."""

    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, ingress.serving, egress.serving, streams.topology, compose.provider.app\n"
            "from schemas.telemetry import tracing; from schemas.settings import Settings\n"
            "tracing.start(Settings(), 'x'); print('schemas.telemetry.otel' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


def test_who_wants_traces_without_the_package_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "schemas.telemetry.otel", None)
    with pytest.raises(SettingError, match=r"promo-relampago\[otel\]"):
        tracing.start(Settings(otel=True), "ingress")
    assert not tracing.enabled()
