"""Dead letters in memory."""

from collections.abc import Sequence

from aiokafka.errors import KafkaConnectionError

from egress.kafka.dead_letters import DeadLetter


class FakeDeadLetters:
    """Keeps what is put. The next `failures` calls fail, after they have acted."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.failures = 0

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        self.letters += letters
        if self.failures:
            self.failures -= 1
            raise KafkaConnectionError("a planned failure")
