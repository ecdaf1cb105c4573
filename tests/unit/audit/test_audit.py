"""The audit fails on known vulnerabilities, passes a clean lock, and reports an unreachable advisory service."""

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.audit.__main__ import main


def answering(report: object | None, stderr: str = "") -> Any:
    """Return a runner in place of pip-audit, which writes this report, or none."""

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        if report is not None:
            Path(command[command.index("--output") + 1]).write_bytes(msgspec.json.encode(report))
        return subprocess.CompletedProcess(command, 1, "", stderr)

    return run


def report(*faults: dict[str, object]) -> dict[str, object]:
    """Return a report on two packages, the second with these faults."""
    clean = {"name": "one", "version": "1", "vulns": []}
    return {"dependencies": [clean, {"name": "two", "version": "2", "vulns": list(faults)}], "fixes": []}


@pytest.mark.parametrize(
    ("found", "required", "code", "message"),
    [
        (report(), True, 0, "2 packages, 0 known"),
        (report({"id": "CVE-1", "fix_versions": ["3"]}), False, 1, "two 2: CVE-1, fixed in 3"),
        (
            report() | {"dependencies": [{"name": "one", "skip_reason": "not found: no network"}]},
            False,
            0,
            "skipped",
        ),
        (None, False, 0, "skipped"),
        (None, True, 1, "failed"),
    ],
)
def test_report_decides_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], found: object, required: bool, code: int, message: str
) -> None:
    """`make check` fails on a known vulnerability, and works without a network."""
    run = answering(found, "Traceback\nConnectionError: no network")
    assert main(required, tmp_path / "lock", tmp_path / "audit" / "r.json", run) == code
    printed = capsys.readouterr()
    assert message in printed.out + printed.err
    assert ("no network" in printed.err) is ("the advisory service" in printed.err)


def test_stale_report_is_not_used(tmp_path: Path) -> None:
    """Without a network, the file of an earlier run decides nothing."""
    assert main(True, tmp_path / "lock", tmp_path / "r.json", answering(report())) == 0
    assert main(True, tmp_path / "lock", tmp_path / "r.json", answering(None)) == 1


def test_pip_audit_accepts_the_lock_and_reports_no_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The options are those of the installed version; here no address answers."""
    lock = tmp_path / "requirements.lock"
    lines = Path("requirements.lock").read_text().split("\n")
    lock.write_text(
        "\n".join(lines[: next(n for n, line in enumerate(lines) if n and "==" in line)]).rstrip(" \\")
    )

    def offline(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        nowhere = {
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "HOME": str(tmp_path),
        }
        return subprocess.run(command, check=False, env=nowhere, capture_output=True, text=True, timeout=60)

    assert main(False, lock, tmp_path / "r.json", offline) == 0
    assert "Proxy" in capsys.readouterr().err
