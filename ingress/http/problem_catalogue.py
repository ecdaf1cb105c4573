"""The problems by slug (problems.json), the texts of field errors by code, and of tokens that are not valid by reason."""

from msgspec import Struct

from schemas.languages import Text, read_texts


class ProblemText(Struct, frozen=True, forbid_unknown_fields=True):
    """The HTTP status and the texts of a kind of problem."""

    status: int
    title: Text
    detail: Text


PROBLEMS = read_texts(__file__, "problems.json", dict[str, ProblemText])
FIELD_ERRORS = read_texts(__file__, "field_errors.json", dict[str, Text])
TOKEN_ERRORS = read_texts(__file__, "token_errors.json", dict[str, Text])
