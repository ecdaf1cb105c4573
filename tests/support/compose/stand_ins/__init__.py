"""Images for machines without an image registry, built from Debian's packages and the locked jars."""

import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from compose.kafka import jars, java
from compose.progress import ProgressKind

HERE = Path(__file__).parent
#: Merged over the compose file of the product.
COMPOSE_FILE = HERE / "docker-compose.yml"
#: The base image of the product.
BASE = "promo-stand-in-debian"
IMAGE = "promo-stand-in"
#: Containers trust the certificates of this machine.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PACKAGES = ("ca-certificates", "python3", "python3-venv", "python-is-python3")


def why_not() -> str | None:
    """Return what is missing to build them, or None."""
    if os.geteuid() != 0:
        return "the tests do not run as root"
    return None if shutil.which("debootstrap") else "debootstrap is not installed"


def make(docker: str) -> None:
    """Build the images that are missing, which takes minutes the first time."""
    if not exists(docker, BASE):
        _make_base(docker)
    with tempfile.TemporaryDirectory() as temporary:
        context = Path(temporary)
        for path in HERE.iterdir():
            if path.is_file():
                shutil.copy(path, context)
        (context / "jars").mkdir()
        for jar in jars.install(java.find(), _print).glob("*/*.jar"):
            shutil.copy(jar, context / "jars")
        subprocess.run([docker, "build", "--tag", IMAGE, context], check=True, timeout=900)


def exists(docker: str, image: str) -> bool:
    """Return True if the engine has the image."""
    return (
        subprocess.run([docker, "image", "inspect", image], check=False, capture_output=True).returncode == 0
    )


def _make_base(docker: str) -> None:
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary, "root")
        including = f"--include={','.join(PACKAGES)}"
        subprocess.run(
            ["debootstrap", "--variant=minbase", including, release, root], check=True, timeout=900
        )
        if CERTIFICATES.exists():
            shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
        packed = subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE)
        trusting = f"ENV PIP_CERT={CERTIFICATES}"
        command = [docker, "import", "--change", trusting, "--change", 'CMD ["bash"]', "-", BASE]
        subprocess.run(command, stdin=packed.stdout, check=True, timeout=300)
        if packed.wait() != 0:
            raise RuntimeError("tar could not read the folder of debootstrap")


def _print(kind: ProgressKind, text: str, exit_status: int = 0) -> None:
    print(text)
