"""The command line of erasure and access."""

import pytest

from ingress.__main__ import main
from ingress.privacy import customer_ids, months
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
        (["customer", "forget", ""], "no customer's id"),
        (["customer", "forget", "", "--force"], "no customer's id"),
        (["customer", "forget", "c_nosuch"], "no customer's id"),
        (["customer", "forget", "C_" + "A" * 26], "no customer's id"),
        (["customer", "forget", "c_" + "a" * 25], "no customer's id"),
        (["customer", "forget", "d_" + "a" * 26], "no customer's id"),
        (["customer", "forget", "(81) 99999-0000"], "give it by --phone"),
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


@pytest.mark.parametrize("customer_id", ["c_" + "a2" * 13, "p_" + "z7" * 13, "d_" + "0f" * 16])
def test_id_that_the_product_makes_is_a_customers(customer_id: str) -> None:
    """Of a phone, of a partner's customer, of a device; upper case and a missing character make it none."""
    assert customer_ids.is_customer_id(customer_id)
    assert not customer_ids.is_customer_id(customer_id.upper())
    assert not customer_ids.is_customer_id(customer_id[:-1])


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
