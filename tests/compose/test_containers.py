"""The product in containers, as compose/docker-compose.yml describes it, wherever a Docker engine runs."""

import json
import os
import shutil
import subprocess
import time
import urllib.error
from collections.abc import Callable, Iterator

import pytest

from compose import validation
from compose.supervisor.program import get
from tests.compose import stand_ins
from tests.compose.orders import order_as_shown, order_something, portions_as_shown

ADMIN = "admin-of-the-tests"
EDGE = "http://127.0.0.1:8080"
PROMETHEUS = "http://127.0.0.1:9090"
#: Of which Prometheus asks for metrics: two ingress, two streams, egress, the provider.
OURS = 6
IMAGE_OF_OTHERS = "valkey/valkey:8.1-alpine"


class Containers:
    """Everything in the file, under a project name of the tests' own."""

    def __init__(self, docker: str, compose: list[str], stands_in: bool) -> None:
        self._docker = docker
        files = [validation.COMPOSE_FILE, *([stand_ins.COMPOSE_FILE] if stands_in else [])]
        self._command = [*compose, *(f"--file={path}" for path in files), "--project-name=promo-of-the-tests"]
        self._environment = {
            **os.environ,
            "PROMO_ADMIN_TOKEN": ADMIN,
            "PROMO_TOKEN_SECRET": "secret",
            "PROMO_PRIVACY_SECRET": "secret",
            "PROMO_IMAGE": "promo-of-the-tests",
            **({"PROMO_BASE": stand_ins.BASE} if stands_in else {}),
        }

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command, *arguments],
            env=self._environment,
            check=True,
            timeout=900,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout

    def unwell(self) -> list[str]:
        """Return the containers that run and are not, or not yet, healthy."""
        form = "{{.Name}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}"
        command = [self._docker, "inspect", "--format", form, *self.run("ps", "--quiet").split()]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        return [line for line in lines if not line.endswith((" running healthy", " exited "))]


def engine() -> tuple[str, list[str]]:
    """Return docker and the command of Docker Compose; skips, and says why, where there is no engine that runs."""
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("no docker on PATH")
    if subprocess.run([docker, "info"], check=False, capture_output=True, timeout=30).returncode != 0:
        pytest.skip("docker is installed, but no engine answers (docker info)")
    if subprocess.run([docker, "compose", "version"], check=False, capture_output=True).returncode == 0:
        return docker, [docker, "compose"]
    if (old := shutil.which("docker-compose")) is not None:
        return docker, [old]
    pytest.skip("neither docker compose nor docker-compose is installed")


@pytest.fixture(scope="module")
def containers() -> Iterator[Containers]:
    """Build the image and bring everything up; where no registry of images answers, with stand-ins."""
    docker, compose = engine()
    stands_in = not stand_ins.exists(docker, IMAGE_OF_OTHERS) and not pulled(docker)
    if stands_in:
        if (reason := stand_ins.why_not()) is not None:
            pytest.skip(f"no registry of images answers, and no stand-ins can be made: {reason}")
        stand_ins.make(docker)
    product = Containers(docker, compose, stands_in)
    try:
        product.run("build")
        product.run("up", "--detach")
        yield product
    finally:
        product.run("down", "--volumes")


def pulled(docker: str) -> bool:
    try:
        command = [docker, "pull", "--quiet", IMAGE_OF_OTHERS]
        return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def until(found: Callable[[], object], wanted: object, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            last = found()
        except (OSError, urllib.error.URLError) as error:
            last = error
        if last == wanted:
            return
        assert time.monotonic() < deadline, last
        time.sleep(0.5)


def who_is_asked() -> str | None:
    found = get(f"{PROMETHEUS}/api/v1/query?query=sum(up)")
    result = json.loads(found)["data"]["result"] if found is not None else []
    return str(result[0]["value"][1]) if result else None


def test_all_is_well_and_an_order_is_confirmed_shown_and_kept(containers: Containers) -> None:
    """Image, compose file, edge, Kafka, Redis; what Prometheus sees of them; and the volumes, when all is made anew."""
    until(lambda: get(f"{EDGE}/health/ready") is not None, True)
    order = order_something(EDGE, ADMIN)
    assert order["status"] == "received"
    until(lambda: portions_as_shown(EDGE, order), 3)
    until(containers.unwell, [])
    until(who_is_asked, str(OURS))
    shown = order_as_shown(EDGE, order)

    containers.run("down")
    containers.run("up", "--detach")
    until(lambda: portions_as_shown(EDGE, order), 3)
    assert order_as_shown(EDGE, order) == shown
    until(containers.unwell, [])
