"""CEP and phone numbers: Brazilian ways of writing them, and one form of each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.contacts import normalize_phone, normalize_postal_code
from schemas.texts import TextError


@pytest.mark.parametrize(
    "text",
    [
        "50000-000",
        "50000000",
        "50.000-000",
        " 50000 000 ",
        "50000–000",
        "50000\u2011000",
        "５００００－０００",
        "50000 - 000",
        "50 000 000",
        "CEP 50000-000",
        "cep: 50.000-000",
        "50000\u00a0000",
    ],
)
def test_postal_code_has_one_form(text: str) -> None:
    """With a dash and a dot, without, or as a keyboard or a copied text writes them."""
    assert normalize_postal_code(text) == "50000-000"


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "",
        "5000-000",
        "50000-00",
        "500000-000",
        "50000-0000",
        "5000a-000",
        "50000--000",
        "٥٠٠٠٠-٠٠٠",
        "0",
        "5-0000000",
        "CEP",
        "CEP CEP 50000-000",
        "50000 -- 000",
    ],
)
def test_postal_code_has_eight_digits(text: str) -> None:
    """`abc` is none, and no digits are added or left out."""
    with pytest.raises(TextError, match="postal-code"):
        normalize_postal_code(text)


@pytest.mark.parametrize(
    "text",
    [
        "(81) 99999-0000",
        "81 99999-0000",
        "81999990000",
        "081 99999-0000",
        "(081) 99999 0000",
        "0 15 81 99999-0000",
        "+55 81 99999-0000",
        "+5581999990000",
        "5581999990000",
        "55 (81) 9 9999-0000",
        "(+55) 81 99999.0000",
        "+55 (0) 81 99999-0000",
        "0055 81 99999-0000",
        "+55\u00a081\u00a099999\u20110000",
        "８１ ９９９９９-００００",
        "(81)\u00a099999\u20110000",
        "tel: 81 99999-0000",
        "tel:+55-81-99999-0000",
        "Tel. (81) 99999-0000",
        "81/99999-0000",
    ],
)
def test_mobile_number_has_one_form(text: str) -> None:
    """E.164, for each way in which Brazilians write it or their phones copy it."""
    assert normalize_phone(text) == "+5581999990000"


@pytest.mark.parametrize(
    "text", ["(81) 3333-4444", "81 33334444", "081 3333 4444", "+55 81 3333-4444", "558133334444"]
)
def test_landline_has_eight_digits(text: str) -> None:
    """With the same prefixes as a mobile number."""
    assert normalize_phone(text) == "+558133334444"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("55 99999-0000", "+5555999990000"),
        ("(55) 3220-1234", "+555532201234"),
        ("55 55 99999-0000", "+5555999990000"),
        ("0 55 55 3220-1234", "+555532201234"),
        ("+1 415 555-2671", "+14155552671"),
        ("+351 912 345 678", "+351912345678"),
        ("001 415 555-2671", "+14155552671"),
        ("00 44 20 7946 0958", "+442079460958"),
        ("(0039) 06 1234 5678", "+390612345678"),
        ("0055 (0) 81 99999-0000", "+5581999990000"),
    ],
)
def test_country_and_area_codes_are_not_confused(text: str, number: str) -> None:
    """55 is Brazil, and also the area code of Santa Maria; a visitor's number keeps its country."""
    assert normalize_phone(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "99999-0000",
        "3333-4444",
        "+55",
        "+55 99999-0000",
        "+55 01 99999-0000",
        "(80) 99999-0000",
        "81 89999-0000",
        "81 9999-0000",
        "81 99999-00000",
        "0800 123 4567",
        "190",
        "14155552671",
        "+0 81 99999-0000",
        "+1234567",
        "+1234567890123456",
        "000 1 415 555 2671",
        "00 0 81 99999-0000",
        "001 415 555",
        "00+1 415 555-2671",
        "+44 (0)20 7946 0958",
        "+44 (0) 20 7946 0958",
        "0044(0)20 7946 0958",
        "+44 ( 0 )20 7946 0958",
        "+44 （０）20 7946 0958",
        "+39 (0)6 1234 5678",
        "81 99999-0000 r. 12",
        "++5581999990000",
        "81+999990000",
        "ana@example.org",
        "٨١٩٩٩٩٩٠٠٠٠",
        "tel:",
        "tel: tel: 81 99999-0000",
        "81 99999-0000 / 81 98888-0000",
        "",
    ],
)
def test_number_that_cannot_be_called_is_refused(text: str) -> None:
    """Without an area code, a courier cannot call; a service number has none."""
    with pytest.raises(TextError, match="phone"):
        normalize_phone(text)


@pytest.mark.parametrize("hidden", ["\x00", "\x1f", "\x85", "\u2028", "\u3164", "\ue000"], ids=ascii)
def test_hidden_character_that_no_phone_copies_is_refused(hidden: str) -> None:
    """Format characters surround the numbers of a list of contacts; controls and empty letters do not."""
    for normalize, text in ((normalize_phone, "81 99999-0000"), (normalize_postal_code, "50000-000")):
        for changed in (f"{hidden}{text}", f"{text}{hidden}", text.replace("-", f"{hidden}-")):
            with pytest.raises(TextError, match="hidden-character"):
                normalize(changed)


@given(st.text(max_size=40) | st.text("0123456789+-.() ", max_size=40))
def test_stored_form_can_be_sent_again(text: str) -> None:
    """The form of a form is itself, so a fingerprint of a body with normal values does not change."""
    for normalize in (normalize_phone, normalize_postal_code):
        try:
            normal = normalize(text)
        except TextError:
            continue
        assert normalize(normal) == normal
