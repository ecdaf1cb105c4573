"""README's blocks run when they are pasted into one shell, in order, twice."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.stack import free_ports
from tests.style.sources import ROOT, tracked

TIMEOUT_SECONDS = 240.0


@pytest.mark.slow
def test_blocks_run_twice_in_one_shell(tmp_path: Path) -> None:
    """A copy of the tracked files, as a new user has it; the environment is shared, so that it is not installed again."""
    clone = tmp_path / "clone"
    for path in tracked("*"):
        target = clone / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)  # keeps times: a newer lock would install the environment again
    (clone / ".venv").symlink_to(ROOT / ".venv")
    ports = free_ports()
    text = (
        (clone / "README.md").read_text().replace("127.0.0.1:8080", f"127.0.0.1:{ports['PROMO_HTTP_PORT']}")
    )
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PROMO_")}
    environment |= {name: str(port) for name, port in ports.items()}
    try:
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail"],
            input=blocks * 2,
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    finally:
        subprocess.run(["make", "down"], cwd=clone, env=environment, capture_output=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-4000:]
    assert "/problems/" not in done.stdout, output[-4000:]
    assert done.stdout.count('"status":"preparing"') == 2, output[-4000:]
