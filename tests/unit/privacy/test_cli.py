"""The command line of erasure and access."""

import pytest

from ingress.__main__ import main
from ingress.privacy import months
from schemas import timestamps

ORDER = "o_" + "a" * 26
THIS_MONTH = months.to_text(months.month_at(timestamps.wall_clock()))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["forget"], "give either"),
        (["forget", ORDER, "--month", "2026-01"], "give either"),
        (["forget", "--month", THIS_MONTH], "has not ended"),
        (["forget", "--month", "2026-13"], "no month"),
        (["forget", "--month", "26-1"], "no month"),
        (["customer", "forget"], "required"),
        (["customer", "forget", "c-1", "--phone", "+5581999990000"], "not allowed with"),
        (["customer", "export", "--phone", "12"], "no phone number"),
        (["customer"], "action"),
    ],
)
def test_wrong_arguments_destroy_nothing(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is destroyed does not come back, so a command that could mean two things is refused."""
    try:
        status = main(arguments)
    except SystemExit as ended:
        status = int(str(ended.code))
    assert status == 2 and reason in capsys.readouterr().err


@pytest.mark.parametrize("text", ["2026-01", "1999-12", "0001-06"])
def test_month_is_its_text(text: str) -> None:
    """Records of the keyring are named by it."""
    assert months.to_text(months.from_text(text)) == text


def test_month_ends_at_midnight_utc() -> None:
    """To the millisecond."""
    start = timestamps.from_text("2026-02-01T00:00:00Z")
    assert months.to_text(months.month_at(start)) == "2026-02"
    assert months.to_text(months.month_at(timestamps.EpochMs(start - 1))) == "2026-01"
    assert months.milliseconds_since_start(start) == 0
