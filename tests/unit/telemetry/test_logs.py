"""Logs are JSON lines without personal data."""

import io
import json
import logging
import sys

import msgspec
import pytest

from schemas import codec
from schemas.telemetry.logs import JsonFormatter


def logged(error: BaseException | None = None, **extra: object) -> dict[str, object]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter("streams-1"))
    logger = logging.Logger("streams.exactly_once.micro_batch")
    logger.addHandler(handler)
    logger.warning("set aside: %r", error, extra=extra, exc_info=error)
    [line] = stream.getvalue().splitlines()
    return dict(json.loads(line))


def test_line_has_level_logger_process_and_ids():
    """The ids are those that the caller gives."""
    line = logged(order_id="o_1", restaurant_id="r1")
    assert line["level"] == "WARNING" and line["process"] == "streams-1"
    assert line["logger"] == "streams.exactly_once.micro_batch"
    assert (line["order_id"], line["restaurant_id"]) == ("o_1", "r1")
    assert str(line["at"]).endswith("+00:00")


def test_error_is_one_line_with_class_stack_and_cause():
    """A line feed in a message does not split the line."""

    def fail() -> None:
        try:
            raise KeyError("coxinha")
        except KeyError as error:
            raise ValueError("undecidable\nin two lines") from error

    with pytest.raises(ValueError) as failed:
        fail()
    error = logged(failed.value)["error"]
    assert (error["type"], error["cause"]["type"]) == ("ValueError", "KeyError")
    assert any(__file__ in frame and frame.endswith(" fail") for frame in error["stack"])


@pytest.mark.parametrize("method", ["Ana Souza", "it's Ana", 'Ana "Souza"'])
def test_user_input_is_not_logged(method):
    """msgspec quotes an invalid value of an enum or a tag in its error."""
    raw = json.dumps({"type": "place-order", "payment": {"method": method}}).encode()
    for broken in (raw, json.dumps({"type": method}).encode()):
        with pytest.raises(msgspec.ValidationError) as refused:
            codec.decode_command(broken)
        line = logged(refused.value)
        assert "Ana" not in json.dumps(line)


def test_fatal_error_is_one_log_line(capsys, monkeypatch):
    """Python would print a traceback of many lines."""
    from schemas.settings import Settings
    from schemas.telemetry import logs

    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    level = logging.root.level
    try:
        logs.configure(Settings(instance="egress-2"), "egress")
        sys.excepthook(OSError, OSError("no disk"), None)
    finally:
        logging.root.setLevel(level)
        logging.captureWarnings(False)
    line = json.loads(capsys.readouterr().err)
    assert (line["process"], line["level"], line["error"]["message"]) == ("egress-2", "CRITICAL", "no disk")
