"""`make audit`: the locked dependencies, looked up in the advisory service where it answers.

Without a network it warns and passes, so that `make check` works anywhere; with AUDIT=required it fails then.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

LOCK = Path("requirements.lock")
REPORT = Path("build/audit.json")
#: How long the service may take for all of them, in seconds.
PATIENCE = 180

Run = Any  # what is like subprocess.run


def main(required: bool, lock: Path = LOCK, report: Path = REPORT, run: Run = subprocess.run) -> int:
    """Print what was found; 0 when nothing was, or when nobody could be asked and that is not required."""
    report.parent.mkdir(exist_ok=True)
    report.unlink(missing_ok=True)
    command = ["-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    command += ["--format", "json", "--output", str(report), "--progress-spinner", "off"]
    try:
        said = run(
            [sys.executable, *command], capture_output=True, text=True, timeout=PATIENCE, check=False
        ).stderr
    except subprocess.TimeoutExpired:
        said = f"no answer in {PATIENCE} s"
    looked_up, unknown = _read(report)
    if not looked_up:
        why = [*unknown, *said.strip().splitlines()[-1:], "it said nothing"][0]
        verdict = "failed" if required else "skipped"
        print(f"audit: {verdict}, the advisory service knows of nothing: {why}", file=sys.stderr)
        return 1 if required else 0
    faults = [
        f"{package['name']} {package['version']}: {fault['id']}, fixed in {', '.join(fault['fix_versions']) or 'no version'}"
        for package in looked_up
        for fault in package["vulns"]
    ]
    print(*faults, *unknown, sep="\n", end="\n" if faults or unknown else "")
    print(
        f"audit: {len(looked_up)} packages, {len(faults)} known vulnerabilities, {len(unknown)} not looked up"
    )
    return 1 if faults or (required and unknown) else 0


def _read(report: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the packages that were looked up, and why others were not."""
    if not report.exists():
        return [], []
    packages = msgspec.json.decode(report.read_bytes())["dependencies"]
    return [p for p in packages if "vulns" in p], [p["skip_reason"] for p in packages if "vulns" not in p]


if __name__ == "__main__":
    sys.exit(main(os.environ.get("AUDIT") == "required"))
