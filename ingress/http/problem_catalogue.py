"""The problems by slug, with their texts (problems.json), and the texts of field errors by code (field_errors.json)."""

from msgspec import Struct

from schemas.languages import Text, read_texts


class ProblemText(Struct, frozen=True, forbid_unknown_fields=True):
    """The HTTP status and the texts of a kind of problem."""

    status: int
    title: Text
    detail: Text


PROBLEMS = read_texts(__file__, "problems.json", dict[str, ProblemText])
FIELD_ERRORS = read_texts(__file__, "field_errors.json", dict[str, Text])
