"""Error messages of the local stack: what happened, and what to do next."""

from pathlib import Path

from compose.errors import SettingsRejected, StartFailed, tail_of


def test_failed_start_shows_end_of_log(tmp_path: Path) -> None:
    """The message has the last lines of the log, so that an operator need not search for it."""
    log = tmp_path / "x.log"
    log.write_text("\n".join(f"line {number}" for number in range(100)))
    text = str(StartFailed("x-1", "was not ready in time", log))
    assert "line 99" in text
    assert "line 10" not in text


def test_tail_leaves_out_earlier_runs(tmp_path: Path) -> None:
    """Logs are appended to, so a message about one run starts where that run did."""
    log = tmp_path / "x.log"
    log.write_text("of an earlier run\n")
    start = log.stat().st_size
    log.write_text(log.read_text() + "of this run\n")
    assert tail_of(log, start=start) == "    of this run"


def test_rejected_settings_exit_with_status_2() -> None:
    """2 is the exit status for wrong settings in every part."""
    error = SettingsRejected("ingress-1", "    PROMO_X: wrong")
    assert error.exit_status == 2
    assert "PROMO_X: wrong" in str(error) and "make settings" in str(error)
