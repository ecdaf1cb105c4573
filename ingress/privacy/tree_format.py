"""Trees as bytes: what is encrypted in a record of the keyring. Pure.

Version 2: the byte 2; the number of removed leaves, 4 bytes; the leaves, 8 bytes each; the seeds. Numbers are little-endian.
Version 1 was a MessagePack array of nodes, which never begins with the byte 2: depth, first bits and seed of each.
"""

import struct

import msgspec

from ingress.privacy.tree import Tree

_VERSION = b"\x02"

_decode_nodes = msgspec.msgpack.Decoder(list[tuple[int, int, bytes]]).decode


def pack(tree: Tree) -> bytes:
    """Return the bytes of a tree."""
    count = len(tree.removed)
    return _VERSION + struct.pack(f"<I{count}Q", count, *tree.removed) + tree.seeds


def unpack(raw: bytes, height: int) -> Tree:
    """Return the tree of this height that the bytes are; raises ValueError."""
    if not raw.startswith(_VERSION):
        return _unpack_nodes(raw, height)
    try:
        (count,) = struct.unpack_from("<I", raw, 1)
        removed = struct.unpack_from(f"<{count}Q", raw, 5)
    except struct.error as error:
        raise ValueError(str(error)) from error
    return Tree(height, removed, raw[5 + 8 * count :])


def _unpack_nodes(raw: bytes, height: int) -> Tree:
    """Return the tree of version 1: what no node covers was removed."""
    nodes = sorted((first << (height - depth), depth, seed) for depth, first, seed in _decode_nodes(raw))
    removed: list[int] = []
    end = 0
    for first, depth, _ in nodes:
        removed += range(end, first)
        end = first + (1 << (height - depth))
    removed += range(end, 1 << height)
    return Tree(height, removed, b"".join(seed for _, _, seed in nodes))
