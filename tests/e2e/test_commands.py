"""The commands, as a shell sees them. Kafka and Redis are real; most tests start no process of ours."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from compose import ports
from schemas import settings
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
NO_PROCESSES = {
    f"PROMO_{role}_PROCESSES": "0" for role in ("STREAMS", "PAYMENTS", "MESSAGING", "EGRESS", "INGRESS")
}


class Shell:
    """Runs `promo` on ports and in a folder of its own."""

    def __init__(self, folder: Path, **extra: str) -> None:
        redis, http, provider = (ports.any_free() for _ in range(3))
        kafka = ports.free_pair()  # last, so that none of the others is its second
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PROMO_")},
            "PROMO_DATA_DIR": str(folder),
            "PROMO_KAFKA_PORT": str(kafka),
            "PROMO_REDIS_PORT": str(redis),
            "PROMO_HTTP_PORT": str(http),
            "PROMO_OPS_PORT": "0",
            "PROMO_PROVIDER_PORT": str(provider),
            **extra,
        }

    def __call__(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run one command."""
        return subprocess.run(
            [sys.executable, "-m", "compose", *arguments],
            cwd=ROOT,
            env=self.environment | extra,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def ps(self) -> dict[str, dict[str, Any]]:
        """Return the lines of ps by name."""
        return {line["name"]: line for line in map(json.loads, self("ps").stdout.splitlines())}


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A stack of Kafka and Redis alone, stopped at the end."""
    shell = Shell(tmp_path / "data", **NO_PROCESSES)
    yield shell
    shell("down")


def test_settings_lists_each_with_its_meaning(shell: Shell) -> None:
    """Contract: name, default, meaning."""
    lines = shell("settings").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == [name for name, _, _ in settings.describe()]
    assert all(line.split("\t")[2] for line in lines)


def test_commands_without_a_stack(shell: Shell) -> None:
    """ps prints nothing, down succeeds, scale says that no stack runs or, alone, what its bounds are."""
    assert shell("ps").stdout == ""
    assert shell("down").returncode == 0
    scaled = shell("scale", "streams=2")
    assert scaled.returncode == 1 and "make up" in scaled.stderr
    alone = shell("scale", PROMO_PARTITIONS="5")
    assert alone.returncode == 1 and "streams   0 to 5" in alone.stderr


@pytest.mark.slow
def test_up_kill_up_down(shell: Shell) -> None:
    """A stack starts, replaces a process that dies, starts only once, and stops whole."""
    up = shell("up")
    assert up.returncode == 0, up.stderr
    assert f"Admin token: in {shell.folder}/admin-token" in up.stdout
    before = shell.ps()
    assert before.keys() == {"kafka", "redis"}
    assert before["kafka"].keys() == {"name", "role", "pid", "url", "log"}

    os.kill(before["redis"]["pid"], signal.SIGKILL)
    wait_until(lambda: shell.ps().get("redis", before["redis"])["pid"] != before["redis"]["pid"])
    assert shell.ps()["kafka"]["pid"] == before["kafka"]["pid"]

    again = shell("up")
    assert again.returncode == 0
    assert "already runs" in again.stdout
    assert f"Admin token: in {shell.folder}/admin-token" in again.stdout

    assert shell("down").returncode == 0
    assert shell.ps() == {}


def test_up_rejects_another_admin_token(shell: Shell) -> None:
    """A running stack would answer 401; no token is in any output, state file or log."""
    first = shell("up", PROMO_ADMIN_TOKEN="token-of-the-start")
    assert first.returncode == 0, first.stderr
    assert "Admin token: the value of PROMO_ADMIN_TOKEN" in first.stdout
    other = shell("up", PROMO_ADMIN_TOKEN="token-of-another")
    assert other.returncode == 1
    assert "another admin token" in other.stderr and "make down" in other.stderr
    assert "Ready" not in other.stdout
    assert shell("up", PROMO_ADMIN_TOKEN="token-of-the-start").returncode == 0
    without = shell("up")
    assert without.returncode == 0
    assert "the PROMO_ADMIN_TOKEN that this stack was started with" in without.stdout
    shown = "".join(done.stdout + done.stderr for done in (first, other, without))
    files = [path for path in shell.folder.glob("*") if path.is_file()] + [*shell.folder.glob("logs/*")]
    kept = b"".join(path.read_bytes() for path in files)
    assert "token-of-" not in shown and b"token-of-" not in kept
    assert (shell.folder / "state.json").stat().st_mode & 0o777 == 0o600


def test_up_names_all_taken_ports(shell: Shell) -> None:
    """One run is enough to know them all."""
    with ExitStack() as sockets:
        for name in ("PROMO_HTTP_PORT", "PROMO_REDIS_PORT", "PROMO_KAFKA_PORT"):
            other = sockets.enter_context(socket.socket())
            other.bind(("127.0.0.1", int(shell.environment[name])))
            other.listen()
        up = shell("up")
    assert up.returncode == 1
    assert all(
        f"{name}=" in up.stderr for name in ("PROMO_HTTP_PORT", "PROMO_REDIS_PORT", "PROMO_KAFKA_PORT")
    )


def test_settings_that_a_process_rejects_end_up(tmp_path: Path) -> None:
    """Exit status 2 with the message of the process, which is not restarted."""
    shell = Shell(tmp_path / "data", **NO_PROCESSES | {"PROMO_INGRESS_PROCESSES": "1"})
    up = shell(
        "up", PROMO_VAPID_PRIVATE_KEY="A" * 43
    )  # looks like a key; only ingress and egress know the curve
    assert up.returncode == 2
    assert "ingress-1 rejects its settings" in up.stderr and "PROMO_VAPID_PRIVATE_KEY: no P-256" in up.stderr
    assert "restart" not in up.stdout
    assert shell.ps() == {}


def test_stack_does_not_outlive_its_supervisor(shell: Shell) -> None:
    """After kill -9 of the supervisor no process keeps a port."""
    assert shell("up").returncode == 0
    state = json.loads((shell.folder / "state.json").read_bytes())
    os.kill(state["supervisor"], signal.SIGKILL)
    wait_until(lambda: shell.ps() == {})
    wait_until(lambda: ports.is_free(int(shell.environment["PROMO_KAFKA_PORT"])))
    wait_until(lambda: ports.is_free(int(shell.environment["PROMO_REDIS_PORT"])))


def test_given_kafka_and_redis_are_used(tmp_path: Path, kafka: str, redis_url: str) -> None:
    """Contract: where the settings name them, make up starts none of its own, and stops neither."""
    shell = Shell(
        tmp_path / "data", PROMO_KAFKA_BOOTSTRAP_SERVERS=kafka, PROMO_REDIS_URL=redis_url, **NO_PROCESSES
    )
    up = shell("up")
    assert up.returncode == 0, up.stderr
    assert shell.ps() == {}
    assert shell("down").returncode == 0


def test_given_kafka_that_does_not_answer_is_named(tmp_path: Path, redis_url: str) -> None:
    """At once, not after two minutes."""
    nowhere = f"127.0.0.1:{ports.any_free()}"
    shell = Shell(tmp_path / "data", PROMO_KAFKA_BOOTSTRAP_SERVERS=nowhere, PROMO_REDIS_URL=redis_url)
    up = shell("up")
    assert up.returncode == 1
    assert "PROMO_KAFKA_BOOTSTRAP_SERVERS" in up.stderr


@pytest.mark.slow
def test_whole_stack_sells_each_portion_once(tmp_path: Path) -> None:
    """Contract: make demo DEMO_EXIT=1 exits 0 only if nothing was oversold, lost or doubled."""
    demo = Shell(tmp_path / "data")("demo", "--exit")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "oversold" in demo.stdout


@pytest.mark.slow
def test_scale_changes_one_role_alone(tmp_path: Path) -> None:
    """Contract: make scale streams=2 ingress=2, and back; the others keep their process ids."""
    shell = Shell(tmp_path / "data")
    up = shell("up")
    try:
        assert up.returncode == 0, up.stderr
        before = shell.ps()
        beyond = shell("scale", "streams=9", "ingress=17", PROMO_PARTITIONS="64")
        assert beyond.returncode == 1, "the bounds are those of the running stack"
        assert "streams   0 to 8" in beyond.stderr and "ingress   0 to 16" in beyond.stderr
        scaled = shell("scale", "streams=2", "ingress=2")
        assert scaled.returncode == 0, scaled.stderr
        assert shell.ps().keys() == before.keys() | {"streams-2", "ingress-2"}
        assert shell("scale", "streams=1", "ingress=1").returncode == 0
        assert shell.ps() == before
    finally:
        shell("down")
