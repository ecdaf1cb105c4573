"""compose/install.sh makes the environment and its command `promo`."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment without packages, in a folder whose name needs quotes."""
    folder = tmp_path_factory.mktemp("install")
    lock = folder / "requirements.lock"
    lock.touch()
    made = folder / "it's an environment"
    subprocess.run([ROOT / "compose" / "install.sh", sys.executable, made, lock], check=True, timeout=120)
    return made


def promo(environment: Path, folder: Path, packages: str) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PROMO_")}
    return subprocess.run(
        [environment / "bin" / "promo", "ps"],
        cwd=folder,
        env=variables | {"PYTHONPATH": packages},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_promo_runs_this_clone_from_any_folder(environment: Path, tmp_path: Path) -> None:
    """Packages of the working directory do not replace ours."""
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "__init__.py").write_text("raise ImportError('of another project')")
    done = promo(environment, tmp_path, sysconfig.get_path("purelib"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_promo_uses_the_python_of_its_environment(environment: Path, tmp_path: Path) -> None:
    """That Python has no packages here, so promo ends with the message about it."""
    done = promo(environment, tmp_path, "")
    assert done.returncode == 2
    assert f"{environment}/bin/python lacks" in done.stderr
