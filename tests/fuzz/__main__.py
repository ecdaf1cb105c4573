"""`python -m tests.fuzz` (`make fuzz`): generated requests for every operation of a real stack."""

import argparse
import asyncio
import json
import sys
import time

import aiohttp

from tests.e2e.customers import Kitchen
from tests.e2e.stack import ADMIN, Stack
from tests.fuzz.generator import KnownResources
from tests.fuzz.runner import OperationFindings, routes, run
from tests.fuzz.usage import IngressUsage, measure_idle_share
from tests.support.programs import temporary_stack
from tests.support.report import table_head, table_row

MAX_SHOWN = 20


def main() -> int:
    """Fuzz a stack of its own, print a table; return 1 if there are faults.

    The table has the most processor time of a request, as the mean of a batch, and the most memory of a process.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--cases", type=int, default=10_000, help="requests for each operation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="names of operations, separated by commas; default: all")
    arguments = parser.parse_args()
    known = {route.operation.id for route in routes()}
    if unknown := {name for name in arguments.only.split(",") if name} - known:
        parser.error(f"no operation {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
    with temporary_stack(ingress_processes=2) as stack:
        return asyncio.run(_fuzz(stack, arguments))


async def _fuzz(stack: Stack, arguments: argparse.Namespace) -> int:
    timeout = aiohttp.ClientTimeout(40)
    failed = False
    async with aiohttp.ClientSession(timeout=timeout) as session:
        known = await _create_resources(Kitchen(session, stack.url))
        pids = [int(str(process["pid"])) for process in stack.processes("ingress")]
        idle_share = await measure_idle_share(pids)
        wanted = [name for name in arguments.only.split(",") if name]
        print(table_head(("operation", "requests", "invalid", "statuses", "faults", "s", "CPU ms", "MiB")))
        for route in routes():
            if wanted and route.operation.id not in wanted:
                continue
            started = time.monotonic()
            usage = IngressUsage(pids, idle_share)
            found = await run(session, stack.url, route, arguments.cases, known, arguments.seed, usage)
            print(_row(found, time.monotonic() - started, usage), flush=True)
            for fault in found.faults[:MAX_SHOWN]:
                print(fault, file=sys.stderr)
            failed = failed or bool(found.faults)
    return int(failed)


async def _create_resources(kitchen: Kitchen) -> KnownResources:
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
    return KnownResources(restaurant, "coxinha", placed["order_id"], tokens)


def _row(found: OperationFindings, seconds: float, usage: IngressUsage) -> str:
    statuses = ", ".join(f"{status}: {count}" for status, count in sorted(found.statuses.items()))
    cells = (
        found.operation,
        found.statuses.total(),
        found.bad,
        statuses,
        len(found.faults),
        f"{seconds:.0f}",
        f"{usage.highest_cpu_seconds * 1000:.1f}",
        usage.highest_mib,
    )
    return table_row(cells)


if __name__ == "__main__":
    sys.exit(main())
