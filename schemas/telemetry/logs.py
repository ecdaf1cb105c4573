"""Logs: one JSON object a line on standard error, with ids of orders and restaurants and without personal data."""

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType

from schemas.settings import Settings

#: Fields of a line that the caller gives: `log.warning("...", extra={"order_id": ...})`.
FIELDS = ("order_id", "restaurant_id", "route")
#: Innermost frames of a traceback that are kept.
MAX_FRAMES = 20

#: msgspec quotes the value that is no member of an enum, and a client may have typed anything there.
_QUOTED = re.compile(r"(Invalid (?:enum )?value) .*?(?=( - at `[^`]*`\W*)?$)", re.DOTALL)


class JsonFormatter(logging.Formatter):
    """Formats a record as one line: at, level, logger, process, message, and FIELDS and error if there are any."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without a line feed."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": self._process,
            "message": _redact(record.getMessage()),
        }
        line |= {name: getattr(record, name) for name in FIELDS if getattr(record, name, None) is not None}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _describe(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(settings: Settings, role: str) -> None:
    """Log in this format from now on, including warnings and the exception that ends the process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(settings.instance or role))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    logging.getLogger("aiokafka").setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))
    sys.excepthook = _log_fatal_error


def _describe(error: BaseException) -> dict[str, object]:
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    described: dict[str, object] = {
        "type": type(error).__name__,
        "message": _redact(str(error)),
        "stack": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if error.__cause__ is not None:
        described["cause"] = _describe(error.__cause__)
    return described


def _redact(text: str) -> str:
    return _QUOTED.sub(r"\1 (not shown)", text)


def _log_fatal_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger(__name__).critical("process ends after an error", exc_info=(kind, error, trace))
