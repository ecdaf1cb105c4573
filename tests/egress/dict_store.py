"""The store of views in memory: it passes the same contract tests as the one in Redis."""

from collections.abc import Iterable, Mapping, Sequence

from egress.horizon import Aim
from egress.positions import Move, Partition
from egress.projection import ViewWrite
from egress.view_store import ViewsLost, ViewsUnreachable
from schemas import views

Hashes = dict[str, dict[str, bytes]]


class DictStore:
    """Keeps views in a dict; `failures` of its next calls fail, each after it was done if `late`."""

    def __init__(self) -> None:
        self.hashes: Hashes = {}
        self.failures = 0
        self.late = False

    def empty(self) -> None:
        """Forget everything, as FLUSHALL does."""
        self.hashes.clear()

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        self._fail(done=False)
        held = self.hashes.get(views.POSITIONS, {})
        found = {p: int(held[p.field]) for p in partitions if p.field in held}
        self._fail(done=True)
        return found

    async def begin(self, beginnings: Mapping[Partition, int]) -> None:
        self._fail(done=False)
        for partition, offset in beginnings.items():
            self._hash(views.POSITIONS).setdefault(partition.field, b"%d" % offset)
        self._fail(done=True)

    async def apply(self, writes: Iterable[ViewWrite], moves: Sequence[Move]) -> None:
        self._fail(done=False)
        positions = self.hashes.get(views.POSITIONS, {})
        if any(int(positions.get(move.partition.field, -1)) < move.start for move in moves):
            raise ViewsLost
        for write in writes:
            view = self._hash(write.key)
            held = view.get(write.field)
            if held is None or views.unpack(held)[0] < write.version:
                view[write.field] = views.pack(write.version, write.value)
        for move in moves:
            if int(positions[move.partition.field]) < move.end:
                positions[move.partition.field] = b"%d" % move.end
        self._fail(done=True)

    async def tell(self, partition: int, aim: Aim) -> None:
        self._fail(done=False)
        positions = self.hashes.get(views.POSITIONS, {})
        if any(int(positions.get(at.field, -1)) < end for at, end in aim.ends.items()):
            raise ViewsLost
        watermarks = self._hash(views.WATERMARKS)
        watermarks[str(partition)] = b"%d" % max(aim.as_of, int(watermarks.get(str(partition), 0)))
        self._fail(done=True)

    def _hash(self, key: str) -> dict[str, bytes]:
        return self.hashes.setdefault(key, {})

    def _fail(self, done: bool) -> None:
        if self.failures and self.late is done:
            self.failures -= 1
            raise ViewsUnreachable("told to fail")
