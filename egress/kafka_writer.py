"""What egress writes to Kafka: an idempotent producer with acks=all, and nobody waits for a batch to fill."""

from aiokafka import AIOKafkaProducer

from schemas.letting_go import let_go
from schemas.partitioner import partition

#: Longest silence of a broker on one request, in milliseconds; past it what was sent is in doubt, and sent anew.
REQUEST_TIMEOUT_MS = 5_000


class KafkaWriter:
    """Has a producer, whose records go where those of ingress and streams go."""

    def __init__(self, bootstrap_servers: str) -> None:
        """Take the broker's addresses; `start` connects."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap_servers,
            enable_idempotence=True,
            acks="all",
            linger_ms=0,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            partitioner=partition,
        )

    async def start(self) -> None:
        """Connect; raises KafkaError."""
        await self._producer.start()

    async def stop(self) -> None:
        """Let go."""
        await let_go(self._producer.stop())
