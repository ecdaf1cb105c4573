"""The commands, as a shell sees them; Kafka and Redis are real, our own processes are left out."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compose import ports
from compose.kafka.training import free_pair
from schemas import settings

ROOT = Path(__file__).parents[2]


class Shell:
    """Runs `python -m compose` on ports and in a folder of its own."""

    def __init__(self, folder: Path, **extra: str) -> None:
        redis, http, provider = (ports.any_free() for _ in range(3))
        kafka = free_pair()  # last, so that none of the others is its second
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

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command."""
        return subprocess.run(
            [sys.executable, "-m", "compose", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def ps(self) -> dict[str, dict[str, Any]]:
        """Return what ps says, by name."""
        return {line["name"]: line for line in map(json.loads, self("ps").stdout.splitlines())}


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A stack of Kafka and Redis alone, stopped at the end."""
    shell = Shell(
        tmp_path / "data", PROMO_STREAMS="0", PROMO_PAYMENTS="0", PROMO_EGRESS="0", PROMO_INGRESS="0"
    )
    yield shell
    shell("down")


def test_settings_lists_every_setting_with_its_meaning(shell: Shell) -> None:
    """The contract: name, default, meaning."""
    lines = shell("settings").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == [name for name, _, _ in settings.describe()]
    assert all(line.split("\t")[2] for line in lines)


def test_where_nothing_runs_ps_is_empty_and_down_is_content(shell: Shell) -> None:
    """Asking twice does no harm."""
    assert shell("ps").stdout == ""
    assert shell("down").returncode == 0
    assert shell("scale", "streams=2").returncode == 1


def test_up_kill_up_down(shell: Shell) -> None:
    """The life of a stack: it starts, replaces what dies, is not started twice, and stops whole."""
    up = shell("up")
    assert up.returncode == 0, up.stderr
    before = shell.ps()
    assert before.keys() == {"kafka", "redis"}
    assert before["kafka"].keys() == {"name", "role", "pid", "url", "log"}

    os.kill(before["redis"]["pid"], signal.SIGKILL)
    time.sleep(1.0)
    assert shell.ps()["redis"]["pid"] != before["redis"]["pid"]
    assert shell.ps()["kafka"]["pid"] == before["kafka"]["pid"]

    again = shell("up")
    assert again.returncode == 0
    assert "already runs" in again.stdout

    assert shell("down").returncode == 0
    assert shell.ps() == {}


def test_a_stack_does_not_outlive_its_supervisor(shell: Shell) -> None:
    """kill -9 of the supervisor leaves nothing behind that would hold a port."""
    assert shell("up").returncode == 0
    state = json.loads((Path(shell.environment["PROMO_DATA_DIR"]) / "state.json").read_bytes())
    os.kill(state["supervisor"], signal.SIGKILL)
    time.sleep(0.5)
    assert shell.ps() == {}
    assert ports.is_free(int(shell.environment["PROMO_KAFKA_PORT"]))
    assert ports.is_free(int(shell.environment["PROMO_REDIS_PORT"]))


def test_a_given_kafka_and_redis_are_used_and_left_alone(tmp_path: Path, kafka: str, redis_url: str) -> None:
    """The contract: when they are given, make up starts none of its own."""
    shell = Shell(
        tmp_path / "data",
        PROMO_KAFKA_BOOTSTRAP_SERVERS=kafka,
        PROMO_REDIS_URL=redis_url,
        PROMO_STREAMS="0",
        PROMO_PAYMENTS="0",
        PROMO_EGRESS="0",
        PROMO_INGRESS="0",
    )
    up = shell("up")
    assert up.returncode == 0, up.stderr
    assert shell.ps() == {}
    assert shell("down").returncode == 0


def test_a_given_kafka_that_does_not_answer_is_named(tmp_path: Path, redis_url: str) -> None:
    """And up does not wait for two minutes to say so."""
    nowhere = f"127.0.0.1:{ports.any_free()}"
    shell = Shell(tmp_path / "data", PROMO_KAFKA_BOOTSTRAP_SERVERS=nowhere, PROMO_REDIS_URL=redis_url)
    up = shell("up")
    assert up.returncode == 1
    assert "PROMO_KAFKA_BOOTSTRAP_SERVERS" in up.stderr


def test_the_whole_stack_sells_each_portion_once(tmp_path: Path) -> None:
    """make demo DEMO_EXIT=1: every process, a race for the portions, and 0 only if all promises were kept."""
    demo = Shell(tmp_path / "data")("demo", "--exit")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "oversold" in demo.stdout


def test_scaling_starts_and_stops_processes_of_a_role_alone(tmp_path: Path) -> None:
    """make scale streams=2 ingress=2, and back: the rest keeps its process ids."""
    shell = Shell(tmp_path / "data")
    up = shell("up")
    try:
        assert up.returncode == 0, up.stderr
        before = shell.ps()
        scaled = shell("scale", "streams=2", "ingress=2")
        assert scaled.returncode == 0, scaled.stderr
        assert shell.ps().keys() == before.keys() | {"streams-2", "ingress-2"}
        assert shell("scale", "streams=1", "ingress=1").returncode == 0
        assert shell.ps() == before
    finally:
        shell("down")
