"""The wheel has all files that the product opens, and runs away from the clone."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PARTS = ("schemas", "tables", "streams", "ingress", "egress", "compose")
#: Pictures of the README, and what else a running product never opens.
NOT_IN_WHEEL = ("ingress/web/screenshots/",)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built offline from a copy, since a build leaves files behind."""
    if int(metadata.version("setuptools").partition(".")[0]) < 77:
        pytest.skip("setuptools is older than 77: make installs the one of requirements.lock")
    source = tmp_path_factory.mktemp("source")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for part in PARTS:
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    built = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*command, "--wheel-dir", built, source], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [path] = built.glob("*.whl")
    return path


def test_wheel_has_every_file_of_the_parts(wheel: Path) -> None:
    """SQL, Lua, JSON Schemas, pages, manifests, configurations: all but Python is package data."""
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    files = {
        path.relative_to(ROOT).as_posix()
        for part in PARTS
        for path in (ROOT / part).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    needed = {file for file in files if not file.startswith(NOT_IN_WHEEL)}
    assert {Path(file).suffix for file in needed} >= {".sql", ".lua", ".properties", ".json", ".sh", ".toml"}
    assert sorted(needed - packed) == []


def test_installed_product_runs_from_elsewhere(wheel: Path, tmp_path: Path) -> None:
    """`promo settings`, from an empty folder, by the installed command."""
    target, elsewhere = tmp_path / "target", tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", target, wheel]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    for program in ([target / "bin" / "promo"], [sys.executable, "-m", "compose"]):
        done = subprocess.run(
            [*program, "settings"],
            cwd=elsewhere,
            env={**os.environ, "PYTHONPATH": str(target)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "PROMO_HTTP_PORT\t8080\t" in done.stdout
    code = "import compose, egress.examples.promotion as p; print(compose.__file__, 'FROM' in p.SQL)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == [str(target / "compose" / "__init__.py"), "True"]
