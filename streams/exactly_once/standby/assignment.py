"""Which members keep a standby replica of which partition. Pure."""

import hashlib
from collections.abc import Iterable, Mapping


def assigned_standbys(
    member: str, owners: Mapping[int, str], members: Iterable[str], partitions: Iterable[int], replicas: int
) -> set[int]:
    """Return the partitions of which this member keeps a replica.

    Rendezvous hashing (Thaler and Ravishankar, 1998): every member computes the same assignment, and if a
    member joins or leaves, only its replicas move. The owner of a partition keeps no replica of it.

    Args:
        member: the name of this member.
        owners: the member that owns each partition, if one does.
        members: all members of the group.
        partitions: all partitions.
        replicas: how many of each partition.
    """
    candidates = set(members)
    return {
        partition
        for partition in partitions
        if member in _ranked(partition, candidates - {owners.get(partition, "")})[:replicas]
    }


def _ranked(partition: int, members: Iterable[str]) -> list[str]:
    return sorted(members, key=lambda member: _rank(partition, member))


def _rank(partition: int, member: str) -> bytes:
    return hashlib.blake2b(f"{partition} {member}".encode(), digest_size=8).digest()
