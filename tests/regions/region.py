"""One region: a broker, a stream worker, and the customers who order there."""

from pathlib import Path

from compose.kafka import topics
from schemas import settings
from schemas.commands import PlaceOrder
from schemas.topics import FACT_TOPICS
from tests.bench.one_restaurant import Shop
from tests.checker.observations import Fact
from tests.support import facts
from tests.support.exactly_once.worker import Worker
from tests.support.stack import Kafka, start_kafka


class RegionShop(Shop):
    """Orders in a region are its bucket's, whatever their key: a customer comes back to where she ordered."""

    number = 0

    def bucket_of(self, order: PlaceOrder) -> int:
        return self.number


class Region:
    """Start, order, look."""

    def __init__(self, number: int, folder: Path) -> None:
        self.number = number
        self.folder = folder / f"region-{number}"
        self.folder.mkdir(parents=True)
        self.kafka: Kafka = start_kafka(self.folder / "kafka")

    async def start(self) -> None:
        """Make the topics and start the worker."""
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
        self.shop = RegionShop(self.kafka.bootstrap, 2)
        self.shop.number = self.number
        await self.shop.__aenter__()

    async def stop(self) -> None:
        """End all of it."""
        if hasattr(self, "shop"):
            await self.shop.__aexit__()
        if hasattr(self, "worker"):
            self.worker.kill()
        self.kafka.stop()

    async def facts(self) -> list[Fact]:
        """Return all that a read_committed reader sees here."""
        names = [topic.name for topic in FACT_TOPICS.values()]
        return [
            Fact(r.topic, r.partition, r.offset, f"{self.number}-{r.headers['event-id'].decode()}", r.value)
            for r in await facts.read(self.kafka.bootstrap, names)
        ]
