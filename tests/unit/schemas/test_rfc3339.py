"""Instants of RFC 3339, and nothing that is merely like them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.timestamps import InstantError, parse_rfc3339

NOON = 1_767_268_800_000_000_000  # 2026-01-01T12:00:00Z in nanoseconds


@pytest.mark.parametrize(
    ("text", "after_noon"),
    [
        ("2026-01-01T12:00:00Z", 0),
        ("2026-01-01t12:00:00z", 0),
        ("2026-01-01T09:00:00-03:00", 0),
        ("2026-01-01T12:00:00-00:00", 0),
        ("2026-01-02T11:59:00+23:59", 0),
        ("2026-01-01T12:00:00.5Z", 500_000_000),
        ("2026-01-01T12:00:00.0001Z", 100_000),
        ("2026-01-01T12:00:00.123456789987654321Z", 123_456_789),
    ],
)
def test_instant_of_rfc_3339_is_read_exactly(text: str, after_noon: int) -> None:
    """Letters of either case, any offset, any number of digits."""
    assert parse_rfc3339(text) == NOON + after_noon


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-01-01T12:00:00+0300", "rfc3339"),
        ("2026-01-01 12:00:00Z", "rfc3339"),
        ("2026-01-01T12:00Z", "rfc3339"),
        ("2026-01-01T12Z", "rfc3339"),
        ("2026-01-01", "rfc3339"),
        ("2026-01-01T12:00:00", "rfc3339"),
        ("2026-01-01T12:00:00+03", "rfc3339"),
        ("2026-01-01T12:00:00+24:00", "rfc3339"),
        ("2026-01-01T12:00:00+01:60", "rfc3339"),
        ("2026-01-01T12:00:00−03:00", "rfc3339"),
        ("2026-01-01T12:00:00,5Z", "rfc3339"),
        ("2026-01-01T12:00:00.Z", "rfc3339"),
        ("20260101T120000Z", "rfc3339"),
        ("2026-W01-4T12:00:00Z", "rfc3339"),
        ("2026-001T12:00:00Z", "rfc3339"),
        ("2026-02-30T12:00:00Z", "rfc3339"),
        ("2026-1-1T12:00:00Z", "rfc3339"),
        ("+2026-01-01T12:00:00Z", "rfc3339"),
        ("٢٠٢٦-01-01T12:00:00Z", "rfc3339"),
        ("2026-01-01T12:00:00Z\n", "rfc3339"),
        (" 2026-01-01T12:00:00Z", "rfc3339"),
        ("1767268800", "rfc3339"),
        ("", "rfc3339"),
        ("2026-01-01T24:00:00Z", "time-of-day"),
        ("2026-01-01T12:60:00Z", "time-of-day"),
        ("2016-12-31T23:59:60Z", "time-of-day"),
    ],
)
def test_other_text_has_a_reason(text: str, code: str) -> None:
    """ISO 8601 has many more forms; 24:00 and leap seconds have a reason of their own."""
    with pytest.raises(InstantError) as error:
        parse_rfc3339(text)
    assert error.value.code == code


@given(st.datetimes(timezones=st.timezones()).filter(lambda moment: moment.utcoffset() is not None))
def test_seconds_of_any_instant_are_kept(moment: object) -> None:
    """As `isoformat` writes them, where its offset has whole minutes."""
    text = moment.isoformat()  # type: ignore[attr-defined]
    try:
        nanoseconds = parse_rfc3339(text)
    except InstantError:
        assert len(text.rpartition("T")[2].rpartition("+")[2].rpartition("-")[2]) != 5
    else:
        assert nanoseconds // 1000 % 1_000_000 == moment.microsecond  # type: ignore[attr-defined]


@given(st.text("0123456789-+:.TZtz ", max_size=40))
def test_any_text_is_an_instant_or_has_a_reason(text: str) -> None:
    """Whatever a client sends, there is an answer."""
    try:
        parse_rfc3339(text)
    except InstantError as error:
        assert error.code in ("rfc3339", "time-of-day")
