"""The languages of the texts that people read, and texts in both, which are data in JSON files."""

from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T")

Language = Literal["pt-BR", "en"]

#: The language of a reader who asks for none that we have.
DEFAULT_LANGUAGE: Language = "pt-BR"


class Text(Struct, frozen=True, forbid_unknown_fields=True):
    """One text in both languages; in JSON `{"pt-BR": "...", "en": "..."}`."""

    pt: str = msgspec.field(name="pt-BR")
    en: str

    def of(self, language: Language) -> str:
        """Return the text in this language."""
        return self.pt if language == "pt-BR" else self.en


def read_texts(module_file: str, name: str, cls: type[T]) -> T:
    """Return the texts of the JSON file of this name next to a module; raises msgspec.ValidationError."""
    return msgspec.json.decode(Path(module_file).with_name(name).read_bytes(), type=cls)
