"""Logs: one JSON object a line on standard error, with the names of orders and restaurants and nothing of persons."""

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType

from schemas.settings import Settings

#: What a line carries when the caller knows it: `log.warning("...", extra={"order_id": ...})`.
FIELDS = ("order_id", "restaurant_id", "route")
#: Innermost frames of an error's traceback that are kept.
MOST_FRAMES = 20

#: msgspec quotes the value where a name was expected, and that value may be anything that somebody typed.
_QUOTED = re.compile(r"(Invalid (?:enum )?value) .*?(?=( - at `[^`]*`\W*)?$)", re.DOTALL)


class JsonLines(logging.Formatter):
    """Formats a record as one line: at, level, logger, process, message, and of FIELDS and the error what there is."""

    def __init__(self, process: str) -> None:
        """Take the name of this process."""
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": self._process,
            "message": _hide(record.getMessage()),
        }
        line |= {name: getattr(record, name) for name in FIELDS if getattr(record, name, None) is not None}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _error(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(settings: Settings, role: str) -> None:
    """Log in this way from here on, also what would end the process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(settings.instance or role))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    logging.getLogger("aiokafka").setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))
    sys.excepthook = _last_words


def _error(error: BaseException) -> dict[str, object]:
    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    stack = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    told: dict[str, object] = {"type": type(error).__name__, "message": _hide(str(error)), "stack": stack}
    if error.__cause__ is not None:
        told["cause"] = _error(error.__cause__)
    return told


def _hide(text: str) -> str:
    return _QUOTED.sub(r"\1 (not shown)", text)


def _last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger(__name__).critical("the process ends", exc_info=(kind, error, trace))
