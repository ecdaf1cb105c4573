"""`make audit`: looks up the locked dependencies in the advisory service.

If the service does not answer, the audit warns and passes, so that `make check` works offline. With AUDIT=required it fails.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

LOCK = Path("requirements.lock")
REPORT = Path("build/audit.json")
#: For the lookup of all dependencies.
TIMEOUT_SECONDS = 180

Run = Any  # has the interface of subprocess.run


def main(required: bool, lock: Path = LOCK, report: Path = REPORT, run: Run = subprocess.run) -> int:
    """Print the vulnerabilities; return 0 if there are none, or if the lookup failed and is not required."""
    report.parent.mkdir(exist_ok=True)
    report.unlink(missing_ok=True)
    command = ["-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    command += ["--format", "json", "--output", str(report), "--progress-spinner", "off"]
    try:
        output = run(
            [sys.executable, *command], capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        ).stderr
    except subprocess.TimeoutExpired:
        output = f"no answer in {TIMEOUT_SECONDS} s"
    looked_up, unknown = _read(report)
    if not looked_up:
        why = [*unknown, *output.strip().splitlines()[-1:], "no error message"][0]
        outcome = "failed" if required else "skipped"
        print(f"audit: {outcome}, the advisory service returned nothing: {why}", file=sys.stderr)
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
    """Return the packages that were looked up, and the reasons why others were not."""
    if not report.exists():
        return [], []
    packages = msgspec.json.decode(report.read_bytes())["dependencies"]
    return [p for p in packages if "vulns" in p], [p["skip_reason"] for p in packages if "vulns" not in p]


if __name__ == "__main__":
    sys.exit(main(os.environ.get("AUDIT") == "required"))
