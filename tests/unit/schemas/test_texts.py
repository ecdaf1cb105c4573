"""Texts: what is stored, what is refused, what is equal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import texts
from schemas.texts import MAX_FORM_CHARACTERS, MAX_MARKS, TextError, comparison_form, is_visible, normalize

#: Format characters (category Cf) that are shown: signs before Arabic, Syriac and Kaithi numbers.
SHOWN_FORMATS = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
#: Default ignorable characters that are no format characters, and blanks that are called letters or symbols.
EMPTY = {
    *map(ord, "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\ufffc\U0001d159")
}
EMPTY |= {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}

any_text = st.text(st.characters(exclude_categories=()), max_size=30)


@pytest.mark.parametrize(
    "text",
    [
        "Pão de queijo",
        "Açaí 500 ml (½ porção) – “da casa”…",
        "Café & Cia. <3 50% #1",
        "Ünïcödé ŁØ ẞ",
        "寿司とラーメン",
        "Пельмени",
        "שלום",
        "מִלָּה",
        "می\u200cخواهم",
        "क\u094d\u200dष श\u094d\u200cर",
        "ශ\u0dca\u200dරී",
        "ต้มยำกุ้ง",
        "ཧྐྵྨླྺྼྻྂ",
        "👨‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 ❤️‍🔥 🙂‍↔️ 🏴‍☠️",
        "🇧🇷 1️⃣ #️⃣ ℹ️ ‼️ ☕︎",
        "\U0001faea",
        "葛\U000e0100飾",
        "10\u00a0cm",
    ],
)
def test_text_of_any_script_is_stored_as_it_is_shown(text: str) -> None:
    """Emoji sequences and scripts with joiners are texts too; they are stored composed."""
    assert normalize(text) == unicodedata.normalize("NFC", text)
    assert is_visible(normalize(text))


@pytest.mark.parametrize("plane", range(0x11))
def test_character_that_shows_nothing_is_refused(plane: int) -> None:
    """By the categories of Unicode, which the rule itself does not read."""
    for code_point in range(plane << 16, (plane + 1) << 16):
        character = chr(code_point)
        category = unicodedata.category(character)
        is_hidden = category in ("Cc", "Cs", "Co", "Zl", "Zp") or code_point & 0xFFFE == 0xFFFE
        is_hidden |= category == "Cf" and character not in SHOWN_FORMATS
        if is_hidden or code_point in EMPTY:
            with pytest.raises(TextError, match="hidden-character"):
                normalize(f"a{character}b")
        elif category != "Cn":
            assert normalize(f"a{character}b") == unicodedata.normalize("NFC", f"a{character}b")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Pi\u200dzza", "U+200D"),
        ("Pi\u200czza", "U+200C"),
        ("\u200dPizza", "U+200D"),
        ("Pizza\u200d", "U+200D"),
        ("👩\u200d", "U+200D"),
        ("👩\u200d a", "U+200D"),
        ("P\ufe0fizza", "U+FE0F"),
        ("\ufe0fPizza", "U+FE0F"),
        ("❤\ufe0f\ufe0f", "U+FE0F"),
        ("a \ufe0f", "U+FE0F"),
        ("❤\U000e0101", "U+E0101"),
        ("🏴\U000e0067\U000e0062\U000e007f", "U+E0067"),
        ("\ufeffPizza", "U+FEFF"),
        ("Pizza\u202egnp", "U+202E"),
        ("a\tb", "U+0009"),
        ("a\nb", "U+000A"),
        ("\x1fPizza", "U+001F"),
        ("Pizza\x85", "U+0085"),
        ("Pizza \x0b", "U+000B"),
        ("\x0cPizza", "U+000C"),
        ("\x1c", "U+001C"),
        ("Pizza\u2028", "U+2028"),
        ("\u2029Pizza", "U+2029"),
    ],
)
def test_hidden_character_is_named(text: str, shown: str) -> None:
    """A joiner or selector without an effect hides a difference between two texts, or data."""
    with pytest.raises(TextError, match="hidden-character") as error:
        normalize(text)
    assert error.value.expected == shown


def test_outer_blanks_are_removed() -> None:
    """Spaces of any width, tabs and line ends; nothing else is deleted."""
    blanks = "".join(chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) == "Zs") + "\t\r\n"
    assert normalize(f"{blanks}Pão{blanks}") == "Pão"


def test_multiline_text_has_one_kind_of_line_end() -> None:
    """Line feeds and tabs are its layout; nothing else that shows nothing is."""
    assert normalize(" a\r\nb\rc\n\td\n", multiline=True) == "a\nb\nc\n\td"
    for hidden in ("\x0b", "\x00", "\u2028", "\u202e", "\x85"):
        with pytest.raises(TextError, match="hidden-character"):
            normalize(f"a{hidden}b", multiline=True)


def test_piled_marks_are_refused() -> None:
    """They cover the lines around them, in Latin as in Thai; a text may have many marks, but not in a row."""
    assert normalize("e" + "\u0323" * MAX_MARKS)
    assert normalize("ö̲" * 50)
    for mark in ("\u0301", "\u0e49", "\u0489", "\u20d2"):
        with pytest.raises(TextError, match="marks"):
            normalize("e" + mark * (MAX_MARKS + 1))


@pytest.mark.parametrize("text", ["", " ", "\u00a0\u3000", "\u0301", "\u1680", " \u0e49 \u20e3"])
def test_blanks_and_lone_marks_are_not_visible(text: str) -> None:
    """F12: names of blanks; a mark needs a character to stand on."""
    assert not is_visible(normalize(text))


@given(any_text, st.booleans())
def test_normal_text_is_its_own_normal_form(text: str, multiline: bool) -> None:
    """What is stored can be sent again."""
    try:
        normal = normalize(text, multiline)
    except TextError:
        return
    assert normalize(normal, multiline) == normal == unicodedata.normalize("NFC", normal)


@pytest.mark.parametrize(
    "text",
    [
        "𝗣𝗶𝘇𝘇𝗮",
        "ＰＩＺＺＡ",
        "Ⓟⓘⓩⓩⓐ",
        "pízzä",
        "PIZZA",
        " piz\u00adza ",
        "Pi\u200bzza",
        "pizza\ufe0f",
    ],
)
def test_texts_that_read_the_same_are_equal(text: str) -> None:
    """F10: NFKC first, then case, as charmod-norm says; stored texts may be older than the rules."""
    assert comparison_form(text) == comparison_form("Pizza") == "pizza"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Pão  de\nqueijo", "pao de queijo"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("İstanbul", "istanbul"),
        ("ΣΊΣΥΦΟΣ ς", "σισυφοσ σ"),
        ("ﾊﾞﾅﾅ", "ハナナ"),
        ("한국", "한국"),
        ("½ ℃ ㎏ ﬁ", "1⁄2 °c kg fi"),
        ("ᾳ", "αι"),
        ("हिन्दी", "हिन्दी".replace("\u094d", "")),
    ],
)
def test_comparison_form_has_neither_case_nor_accents(text: str, form: str) -> None:
    """As today for accents: `pao` finds `Pão`."""
    assert comparison_form(text) == form


@given(any_text)
def test_comparison_form_is_stable(text: str) -> None:
    """The form of a form, of a composed, decomposed or folded text, and of one in capitals, is the same."""
    form = comparison_form(text)
    assert comparison_form(form) == form
    for other in (text.casefold(), *(unicodedata.normalize(n, text) for n in ("NFC", "NFD", "NFKC", "NFKD"))):
        assert comparison_form(other) == form


def test_comparison_form_is_bounded() -> None:
    """NFKC makes 18 characters of U+FDFA: the form and the memory stay within a bound."""
    expanding = "\ufdfa" * 2000
    assert len(comparison_form(expanding)) <= MAX_FORM_CHARACTERS
    for start in range(0x4E00, 0x9FFF, 200):
        comparison_form("".join(map(chr, range(start, start + 200))))
    assert len(texts._forms) <= texts.MAX_CHARACTER_FORMS
