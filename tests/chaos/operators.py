"""Commands of operators, run against the stack under test."""

import asyncio
import os
import subprocess
import sys

from tests.chaos.stack_under_test import StackUnderTest

COMMAND_TIMEOUT_SECONDS = 60.0


class CommandFailedError(RuntimeError):
    """The command ended with an error, which is the text."""


async def run_command(target: StackUnderTest, module: str, *arguments: str) -> str:
    """Run `python -m module` with these arguments; return its output. Raises CommandFailedError."""
    environment = os.environ | target.stack.environment
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", module, *arguments],
        env=environment | {"PROMO_KAFKA_BOOTSTRAP_SERVERS": target.stack.bootstrap},
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise CommandFailedError(done.stderr.strip())
    return done.stdout.strip()
