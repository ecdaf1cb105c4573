"""How many processes each role may have, and why."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from compose.errors import StackError
from schemas.settings import Settings

#: Roles with any number of processes, in the order in which they start. Orders enter last, and stop entering first.
ROLES = ("streams", "payments", "messaging", "egress", "ingress")


class RoleBounds(Struct, frozen=True):
    """The largest number of processes of a role; the smallest is 0."""

    max_processes: int
    reason: str


def role_bounds(settings: Settings) -> dict[str, RoleBounds]:
    """Return the bounds of each role, in the order of ROLES."""
    workers = settings.partitions * (1 + settings.standby_replicas)
    return {
        "streams": RoleBounds(
            workers, "one per partition and standby copy (PROMO_PARTITIONS, PROMO_STANDBY_REPLICAS)"
        ),
        "payments": RoleBounds(1, "the simulated provider keeps one ledger"),
        "messaging": RoleBounds(1, "the simulated provider keeps its messages in memory"),
        "egress": RoleBounds(settings.partitions, "one per partition (PROMO_PARTITIONS)"),
        "ingress": RoleBounds(
            settings.reply_partitions, "one per partition of replies (PROMO_REPLY_PARTITIONS)"
        ),
    }


def initial_counts(settings: Settings) -> dict[str, int]:
    """Return the number of processes that the settings start; an existing provider needs none of ours."""
    counts = {role: int(getattr(settings, f"{role}_processes")) for role in ROLES}
    existing = {"payments": settings.provider_url, "messaging": settings.messaging_url}
    return counts | {role: 0 for role, url in existing.items() if url}


def faults(settings: Settings) -> Iterator[str]:
    """Yield the initial counts that are out of bounds; a check of `settings.read`, which checks ingress itself."""
    counts, bounds = initial_counts(settings), role_bounds(settings)
    for role in ("streams", "egress"):
        if counts[role] > bounds[role].max_processes:
            yield (
                f"PROMO_{role.upper()}_PROCESSES={counts[role]}: expected at most {bounds[role].max_processes}, "
                f"{bounds[role].reason}"
            )


def check(counts: Mapping[str, int], settings: Settings) -> None:
    """Raise StackError, which names every count out of bounds, unless all are within."""
    bounds = role_bounds(settings)
    faults = [] if counts else ["name a role and its processes, for example: make scale streams=3 ingress=2"]
    for role, count in counts.items():
        if role not in bounds:
            faults.append(f"{role} is not a role.")
        elif not 0 <= count <= bounds[role].max_processes:
            faults.append(f"{role}={count} is out of bounds.")
    if faults:
        lines = [f"{role:<9} 0 to {each.max_processes}: {each.reason}" for role, each in bounds.items()]
        raise StackError("\n  ".join([*faults, *lines]))
