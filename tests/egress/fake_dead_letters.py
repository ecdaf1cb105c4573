"""Dead letters in memory."""

from collections.abc import Sequence

from aiokafka.errors import KafkaConnectionError

from egress.dead_letters import DeadLetter


class FakeDeadLetters:
    """Keeps what is put; `failures` of its next calls fail, each after it was done."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.failures = 0

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        self.letters += letters
        if self.failures:
            self.failures -= 1
            raise KafkaConnectionError("told to fail")
