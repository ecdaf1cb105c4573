"""The faults by name. Each is one small class: it strikes, it lasts, it is healed."""

from tests.chaos.faults import clock, membership, network, points, processes, servers, stores, traffic
from tests.chaos.faults.fault import Fault

FAULTS: dict[str, type[Fault]] = {
    fault.name: fault
    for module in (processes, points, membership, servers, network, stores, clock, traffic)
    for fault in module.FAULTS
}


def named(names: str) -> list[str]:
    """Read `all` or a comma list of names. Raises ValueError."""
    if names == "all":
        return list(FAULTS)
    chosen = [name.strip() for name in names.split(",")]
    if unknown := [name for name in chosen if name not in FAULTS]:
        raise ValueError(f"no such fault: {', '.join(unknown)}; there are: {', '.join(FAULTS)}")
    return chosen
