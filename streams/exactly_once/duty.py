"""Who keeps a copy of which partition: so many members, each partition's owner not among them. Pure."""

import hashlib
from collections.abc import Iterable, Mapping


def duty(
    me: str, owners: Mapping[int, str], members: Iterable[str], partitions: Iterable[int], replicas: int
) -> set[int]:
    """Return the partitions that this member keeps a copy of.

    By rendezvous hashing: every member computes the same, and when one comes or goes, only the copies move
    that must. A partition that nobody owns is copied by the first `replicas` as well.
    """
    everyone = set(members)
    mine = set()
    for partition in partitions:
        candidates = everyone - {owners.get(partition, "")}
        first = sorted(candidates, key=lambda member: _rank(partition, member))[:replicas]
        if me in first:
            mine.add(partition)
    return mine


def _rank(partition: int, member: str) -> bytes:
    return hashlib.blake2b(f"{partition} {member}".encode(), digest_size=8).digest()
