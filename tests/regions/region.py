"""One region: a broker, a stream worker, and a client that orders."""

from pathlib import Path

from compose.kafka import topics
from schemas import settings
from schemas.commands import PlaceOrder
from schemas.topics import FACT_TOPICS
from tests.bench.one_restaurant import RestaurantClient
from tests.checker.observations import Fact
from tests.support import facts
from tests.support.exactly_once.worker import Worker
from tests.support.stack import Kafka, start_kafka


class RegionClient(RestaurantClient):
    """Sends the orders of a region to the region's bucket, whatever their key."""

    number = 0

    def bucket_of(self, order: PlaceOrder) -> int:
        return self.number


class Region:
    """The broker, the worker and the client of a region."""

    def __init__(self, number: int, folder: Path) -> None:
        self.number = number
        self.folder = folder / f"region-{number}"
        self.folder.mkdir(parents=True)
        self.kafka: Kafka = start_kafka(self.folder / "kafka")

    async def start(self) -> None:
        """Create the topics, start the worker and the client."""
        await topics.create(
            settings.read({"PROMO_PARTITIONS": "4", "PROMO_KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap})
        )
        self.worker = Worker(
            self.kafka.bootstrap,
            self.folder,
            "streams-1",
            partitions=4,
            escrow_buckets=2,
            escrow_open_orders_per_second=0,
            tick_seconds=0.5,
        ).ready()
        self.client = RegionClient(self.kafka.bootstrap, 2)
        self.client.number = self.number
        await self.client.__aenter__()

    async def stop(self) -> None:
        """Stop client, worker and broker."""
        if hasattr(self, "client"):
            await self.client.__aexit__()
        if hasattr(self, "worker"):
            self.worker.kill()
        self.kafka.stop()

    async def facts(self) -> list[Fact]:
        """Return the committed facts of this region."""
        names = [topic.name for topic in FACT_TOPICS.values()]
        return [
            Fact(r.topic, r.partition, r.offset, f"{self.number}-{r.headers['event-id'].decode()}", r.value)
            for r in await facts.read(self.kafka.bootstrap, names)
        ]
