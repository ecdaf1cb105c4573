"""Texts that people type and read: how they are stored, which characters they may hold, how they are compared.

The rule for characters is one for all texts. A character that shows nothing is an error; it is not deleted, since a
deletion could make two texts equal after they were checked (Unicode Technical Report 36, section 3.5). Joiners and
variation selectors are accepted where they change what is shown: in emoji, and in scripts that need them.
"""

import re
import unicodedata

#: Longest run of marks; no living script stacks as many, and a longer run covers the lines above and below.
MAX_MARKS = 10
#: Longest comparison form: NFKC makes 18 characters of U+FDFA.
MAX_FORM_CHARACTERS = 4000
#: Most characters whose comparison form is kept; all living scripts but the Chinese have fewer together.
MAX_CHARACTER_FORMS = 10_000

#: Code points with the property Default_Ignorable_Code_Point (Unicode 15).
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
#: Others that show nothing, or nothing that readers agree on: controls, line separators, empty symbols, layout of
#: annotations and hieroglyphs, surrogates, private use, noncharacters.
_MEANINGLESS = (
    "\x00-\x1f\x7f-\x9f\u2028\u2029\u2800\ud800-\uf8ff\ufdd0-\ufdef\ufff9-\ufffc\U0001d159\U00013430-\U0001343f"
    "\U000f0000-\U0010ffff"
) + "".join(f"{chr(plane | 0xFFFE)}{chr(plane | 0xFFFF)}" for plane in range(0, 0xF0000, 0x10000))
_HIDDEN = re.compile(f"[{_IGNORABLE}{_MEANINGLESS}]")
#: What is removed at the ends of a text: blanks (category Zs), tabs and line ends. `str.strip` removes controls too.
_BLANKS = "\t\n\r " + "".join(chr(c) for c in range(0xA0, 0x3001) if unicodedata.category(chr(c)) == "Zs")
#: What a comparison leaves out. U+0345 is no accent there: case folding makes it a letter.
_ACCENTS = "".join(chr(c) for c in range(0x300, 0x1E94B) if c != 0x345 and unicodedata.combining(chr(c)))
_NOT_COMPARED = re.compile(f"[{_IGNORABLE}{_ACCENTS}]")

_ZERO_WIDTH_JOINER = "\u200d"
_JOINERS = ("\u200c", _ZERO_WIDTH_JOINER)
_EMOJI_SELECTOR = "\ufe0f"
_SELECTOR = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f]")
_IDEOGRAPH_SELECTOR = re.compile("[\U000e0100-\U000e01ef]")
_VIRAMA_CLASS = 9
#: The ASCII characters that have a form as emoji.
_KEYCAPS = "0123456789#*"


class TextError(ValueError):
    """A text is not accepted, for the reason with this code (ingress/http/field_errors.json)."""

    def __init__(self, code: str, expected: object = None) -> None:
        super().__init__(code)
        self.code = code
        self.expected = expected


def normalize(text: str, multiline: bool = False) -> str:
    """Return the text as it is stored: composed (NFC), without outer blanks, lines ended by a line feed.

    Raises TextError for a character that the text must not hold. Only a multiline text may hold line feeds and tabs.
    """
    text = text.strip(_BLANKS)
    if text.isascii() and text.isprintable():
        return text
    if multiline:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    for found in _HIDDEN.finditer(text):
        is_layout = multiline and found[0] in "\n\t"
        if not is_layout and not _changes_what_is_shown(text, found.start()):
            raise TextError("hidden-character", f"U+{ord(found[0]):04X}")
    if _has_too_many_marks(text):
        raise TextError("marks", MAX_MARKS)
    return unicodedata.normalize("NFC", text)


def is_visible(text: str) -> bool:
    """Return True if a normalized text shows something: more than blanks and lone marks."""
    if text.isascii():
        return text != ""
    return any(unicodedata.category(character)[0] not in "ZM" for character in text)


def comparison_form(text: str) -> str:
    """Return the form in which texts are compared: NFKC, case folded, without accents, one blank between words.

    It has at most MAX_FORM_CHARACTERS; of a text that becomes longer, only the beginning is compared.
    """
    form = text.lower() if text.isascii() else text.translate(_forms)[:MAX_FORM_CHARACTERS]
    return " ".join(unicodedata.normalize("NFKC", form).split())[:MAX_FORM_CHARACTERS]


class _CharacterForms(dict[int, str]):
    """The comparison form of each character that was compared; emptied when it is full."""

    def __missing__(self, code_point: int) -> str:
        if len(self) >= MAX_CHARACTER_FORMS:
            self.clear()
        decomposed = unicodedata.normalize("NFKD", chr(code_point))
        folded = unicodedata.normalize("NFKD", _NOT_COMPARED.sub("", decomposed).casefold())
        form = self[code_point] = unicodedata.normalize("NFKC", _NOT_COMPARED.sub("", folded))
        return form


_forms = _CharacterForms()


def _changes_what_is_shown(text: str, at: int) -> bool:
    """Return True if the joiner or variation selector at this index has an effect on its neighbours."""
    character, before, after = text[at], text[:at][-1:], text[at + 1 : at + 2]
    if not before:
        return False
    if character in _JOINERS:
        if unicodedata.combining(before) == _VIRAMA_CLASS or (_is_cursive(before) and _is_cursive(after)):
            return True
        base = text[at - 2 : at - 1] if before == _EMOJI_SELECTOR else before
        return character == _ZERO_WIDTH_JOINER and _is_pictograph(base) and _is_pictograph(after)
    if before.isspace() or _HIDDEN.match(before):
        return False
    if _SELECTOR.match(character):
        return not before.isascii() or before in _KEYCAPS
    return _IDEOGRAPH_SELECTOR.match(character) is not None and unicodedata.category(before) == "Lo"


def _is_cursive(character: str) -> bool:
    return unicodedata.bidirectional(character) == "AL" if character else False


def _is_pictograph(character: str) -> bool:
    """Return True for a symbol; a code point that this Python does not know may be a new emoji."""
    if not character or character.isascii():
        return False
    category = unicodedata.category(character)
    return category[0] == "S" or category == "Cn"


def _has_too_many_marks(text: str) -> bool:
    run = 0
    for character in text:
        run = run + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if run > MAX_MARKS:
            return True
    return False
