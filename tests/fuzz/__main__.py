"""`python -m tests.fuzz` (`make fuzz`): every operation of a real stack, given generated requests."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from tests.e2e.customers import Kitchen
from tests.e2e.stack import ADMIN, Stack
from tests.fuzz.generating import Known
from tests.fuzz.running import Findings, routes, run

SHOWN = 20


def main() -> int:
    """Start a stack, fuzz it, print a table; 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--cases", type=int, default=10_000, help="requests of each operation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="names of operations, with commas between; all without")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="promo-fuzz-") as folder:
        stack = Stack(Path(folder), ingress_processes=2)
        try:
            return asyncio.run(_fuzz(stack, arguments))
        finally:
            stack.compose("down")


async def _fuzz(stack: Stack, arguments: argparse.Namespace) -> int:
    timeout = aiohttp.ClientTimeout(40)
    failed = False
    async with aiohttp.ClientSession(timeout=timeout) as session:
        known = await _known(Kitchen(session, stack.url))
        wanted = [name for name in arguments.only.split(",") if name]
        print("| operation | requests | bad | statuses | faults | s |\n|---|---|---|---|---|---|")
        for route in routes():
            if wanted and route.operation.id not in wanted:
                continue
            started = time.monotonic()
            found = await run(session, stack.url, route, arguments.cases, known, arguments.seed)
            print(_row(found, time.monotonic() - started), flush=True)
            for fault in found.faults[:SHOWN]:
                print(fault, file=sys.stderr)
            failed = failed or bool(found.faults)
    return int(failed)


async def _known(kitchen: Kitchen) -> Known:
    """Open two restaurants and order from one."""
    restaurant, stranger = await kitchen.open(coxinha=None), await kitchen.open()
    placed = json.loads((await kitchen.order_until_decided(restaurant, "fuzz", ("coxinha", 1))).body)
    assert (await kitchen.cancel(placed)).status == 200  # so that the stream of its events ends
    tokens = {
        "admin": ADMIN,
        "restaurant": kitchen.token(restaurant),
        "order": placed["token"],
        "stranger": kitchen.token(stranger),
    }
    return Known(restaurant, "coxinha", placed["order_id"], tokens)


def _row(found: Findings, seconds: float) -> str:
    statuses = ", ".join(f"{status}: {count}" for status, count in sorted(found.statuses.items()))
    cells = (
        found.operation,
        found.statuses.total(),
        found.bad,
        statuses,
        len(found.faults),
        f"{seconds:.0f}",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    sys.exit(main())
