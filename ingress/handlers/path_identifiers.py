"""Identifiers in paths."""

import msgspec
from aiohttp import web

from ingress.http.problems import FieldError, invalid
from ingress.http.text_fields import require_path_segment
from schemas.commands import Identifier
from schemas.texts import TextError


def identifier(request: web.Request, name: str) -> str:
    """Return the identifier of this name in the path; raises Problem."""
    value = request.match_info[name]
    try:
        return require_path_segment(msgspec.convert(value, Identifier))
    except msgspec.ValidationError:
        raise invalid(FieldError(name, "invalid", kind="parameter")) from None
    except TextError as error:
        raise invalid(FieldError(name, error.code, kind="parameter")) from None
