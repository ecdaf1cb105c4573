"""The product in containers, by compose/docker-compose.yml; skipped where no container engine runs."""

import json
import os
import shutil
import subprocess
import time
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import compose
from compose.supervisor.services import fetch
from tests.support.compose import stand_ins
from tests.support.compose.orders import order_as_shown, order_something, portions_as_shown

COMPOSE_FILE = Path(compose.__file__).parent / "docker-compose.yml"
ADMIN = "admin-of-the-tests"
EDGE = "http://127.0.0.1:8080"
PROMETHEUS = "http://127.0.0.1:9090"
#: Targets of Prometheus: two ingress, two streams, egress, the provider.
OURS = 6
IMAGE_OF_OTHERS = "valkey/valkey:8.1-alpine"


class Containers:
    """All containers of the file, under a project name of the tests."""

    def __init__(self, docker: str, compose: list[str], has_stand_ins: bool) -> None:
        self._docker = docker
        files = [COMPOSE_FILE, *([stand_ins.COMPOSE_FILE] if has_stand_ins else [])]
        self._command = [*compose, *(f"--file={path}" for path in files), "--project-name=promo-of-the-tests"]
        self._environment = {
            **os.environ,
            "PROMO_ADMIN_TOKEN": ADMIN,
            "PROMO_TOKEN_SECRET": "secret",
            "PROMO_WEBHOOK_SECRET": "secret",
            "PROMO_PRIVACY_SECRET": "secret",
            "PROMO_IMAGE": "promo-of-the-tests",
            **({"PROMO_BASE": stand_ins.BASE} if has_stand_ins else {}),
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

    def unhealthy(self) -> list[str]:
        """Return a line for each container that runs but is not, or not yet, healthy."""
        form = "{{.Name}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}"
        command = [self._docker, "inspect", "--format", form, *self.run("ps", "--quiet").split()]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        return [line for line in lines if not line.endswith((" running healthy", " exited "))]


def engine() -> tuple[str, list[str]]:
    """Return docker and the command of Docker Compose; skips with the reason if no engine runs."""
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
    """Build the image and start everything, with stand-ins if no image registry answers."""
    docker, compose = engine()
    has_stand_ins = not stand_ins.exists(docker, IMAGE_OF_OTHERS) and not pulled(docker)
    if has_stand_ins:
        if (reason := stand_ins.why_not()) is not None:
            pytest.skip(f"no image registry answers, and stand-ins cannot be built: {reason}")
        stand_ins.make(docker)
    product = Containers(docker, compose, has_stand_ins)
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


def wait_until(read: Callable[[], object], wanted: object, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            last = read()
        except (OSError, urllib.error.URLError) as error:
            last = error
        if last == wanted:
            return
        assert time.monotonic() < deadline, last
        time.sleep(0.5)


def scraped_targets() -> str | None:
    found = fetch(f"{PROMETHEUS}/api/v1/query?query=sum(up)")
    result = json.loads(found)["data"]["result"] if found is not None else []
    return str(result[0]["value"][1]) if result else None


@pytest.mark.slow
def test_order_survives_new_containers(containers: Containers) -> None:
    """Image, compose file, edge, Kafka, Redis and Prometheus work; volumes keep the order when all containers are replaced."""
    wait_until(lambda: fetch(f"{EDGE}/v1/restaurants") is not None, True)
    order = order_something(EDGE, ADMIN)
    assert order["status"] == "received"
    wait_until(lambda: portions_as_shown(EDGE, order), 3)
    wait_until(containers.unhealthy, [])
    wait_until(scraped_targets, str(OURS))
    shown = order_as_shown(EDGE, order)

    containers.run("down")
    containers.run("up", "--detach")
    wait_until(lambda: portions_as_shown(EDGE, order), 3)
    assert order_as_shown(EDGE, order) == shown
    wait_until(containers.unhealthy, [])
