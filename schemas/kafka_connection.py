"""How to reach Kafka: the argument of everything that opens a Kafka client."""

from msgspec import Struct


class KafkaConnection(Struct, frozen=True):
    """A Kafka cluster. `bootstrap_servers` is host:port[,host:port]."""

    bootstrap_servers: str
