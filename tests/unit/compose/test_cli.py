"""The command line as an engineer meets it in the first hour."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from compose.__main__ import main
from compose.commands import operators

ROOT = Path(__file__).parents[3]
PARTS = ("compose", "egress", "ingress", "streams")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("part", PARTS)
def test_python_without_dependencies_is_named(part: str) -> None:
    """One line that says what to use, and exit status 2; -S hides the installed packages."""
    done = run(sys.executable, "-S", "-m", part)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "lacks aiokafka, msgspec, uvloop" in line and ".venv/bin/promo" in line


@pytest.mark.parametrize("command", operators.COMMANDS)
def test_promo_reaches_operators_commands(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The part answers, under the name of promo."""
    if command == "report":
        pytest.importorskip("duckdb")
    with pytest.raises(SystemExit) as raised:
        main([command, "--help"])
    assert raised.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: promo {command} ")


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The operators' commands too; supervise is for `up` alone."""
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("    ")}
    ours = {"demo", "up", "down", "ps", "scale", "autoscale", "settings", "topics"}
    assert ours | operators.COMMANDS.keys() <= listed
    assert "supervise" not in listed


def test_unknown_command_exits_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    """As for wrong settings."""
    with pytest.raises(SystemExit) as raised:
        main(["launch"])
    assert raised.value.code == 2
    assert "launch" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong", ["PROMO_HTTP_PORT=99999", "PROMO_LOG_LEVEL=verbose", "PROMO_HTTP_PORTS=9999"]
)
def test_wrong_setting_exits_with_status_2(
    wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Nothing is started, and the message names the setting."""
    monkeypatch.setenv("PROMO_DATA_DIR", str(tmp_path / "data"))
    name, _, value = wrong.partition("=")
    monkeypatch.setenv(name, value)
    assert main(["up"]) == 2
    assert name in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_settings_are_listed_while_one_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list is what helps to correct it."""
    monkeypatch.setenv("PROMO_HTTP_PORT", "99999")
    assert main(["settings"]) == 0
    assert "PROMO_HTTP_PORT\t8080\t" in capsys.readouterr().out


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_closed_pipe_prints_no_traceback(unbuffered: str) -> None:
    """As in `promo settings | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "compose", "settings"],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_every_make_target_has_a_line_of_help() -> None:
    """`make help` lists what .PHONY names; `make` alone runs the demo."""
    listed = {line.split()[0] for line in run("make", "--no-print-directory", "help").stdout.splitlines()}
    text = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    [phony] = [line for line in text.splitlines() if line.startswith(".PHONY:")]
    assert listed == set(phony.removeprefix(".PHONY:").split())
    assert "-m compose demo" in run("make", "--dry-run").stdout
