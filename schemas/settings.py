"""Every setting, read from the environment: field `http_port` is `PROMO_HTTP_PORT`."""

import os
from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

PREFIX = "PROMO_"


class Settings(Struct, frozen=True, kw_only=True):
    """The defaults are those of the local stack."""

    kafka_bootstrap_servers: Annotated[
        str, Meta(description="an existing Kafka, host:port[,host:port]; empty: make up starts one")
    ] = ""
    kafka_port: Annotated[
        int, Meta(description="port of the Kafka that make up starts; the next one is its controller's")
    ] = 19092
    broker_quick_start: Annotated[
        bool,
        Meta(
            description="whether that Kafka is compiled only as far as starts it soonest; else it takes a third less processor after a minute"
        ),
    ] = True
    redis_url: Annotated[
        str, Meta(description="an existing Redis, redis://host:port/db; empty: make up starts one")
    ] = ""
    redis_port: Annotated[int, Meta(description="port of the Redis that make up starts")] = 16379
    http_host: Annotated[str, Meta(description="address that ingress listens on")] = "127.0.0.1"
    http_port: Annotated[int, Meta(description="port that every ingress process shares")] = 8080
    edge: Annotated[
        bool, Meta(description="whether make up starts nginx as gateway and cache before ingress")
    ] = False
    edge_port: Annotated[int, Meta(description="port of that nginx")] = 8088
    ops_port: Annotated[
        int, Meta(description="first of the ports where the other processes show /metrics; 0: none")
    ] = 18100
    ops_host: Annotated[
        str, Meta(description="address of those ports; 0.0.0.0 in a container, whose network is its own")
    ] = "127.0.0.1"
    admin_token: Annotated[
        str,
        Meta(
            description="bearer token of the administrator, or several with commas between; empty: make up makes one in the data folder"
        ),
    ] = ""
    token_secret: Annotated[
        str,
        Meta(
            description="secret that order and restaurant tokens are derived from, the current one first, then a comma and the previous, which still opens; empty: make up makes one in the data folder"
        ),
    ] = ""
    privacy_secret: Annotated[
        str,
        Meta(
            description="secret that wraps the keys of personal data, the current one first, then a comma and the previous; empty: make up makes one in the data folder"
        ),
    ] = ""
    data_dir: Annotated[str, Meta(description="folder for data, logs and process state")] = ".promo"
    partitions: Annotated[
        int, Meta(description="partitions of every topic that is keyed by restaurant", ge=1)
    ] = 8
    reply_partitions: Annotated[
        int, Meta(description="partitions of the replies topic: the most ingress processes", ge=1)
    ] = 16
    streams: Annotated[int, Meta(description="stream workers that make up starts", ge=0)] = 1
    ingress: Annotated[int, Meta(description="ingress processes that make up starts", ge=0)] = 1
    egress: Annotated[int, Meta(description="egress processes that make up starts", ge=0)] = 1
    instance: Annotated[str, Meta(description="name of this process, role-number; set by make up")] = ""
    order_wait_seconds: Annotated[
        float,
        Meta(
            description="how long POST /v1/orders waits for the decision before it answers 202", ge=0, le=30
        ),
    ] = 5.0
    max_undecided: Annotated[
        int, Meta(description="undecided commands per ingress process; past it, 503 overloaded", ge=1)
    ] = 2000
    admission_seconds: Annotated[
        float,
        Meta(
            description="how long a new order may queue for its decision; past it, new ones are answered 503 overloaded",
            gt=0,
        ),
    ] = 0.035  # an order that is paid for queues twice: until it is placed, and until the payment's result is taken
    client_orders_per_second: Annotated[
        float,
        Meta(
            description="orders a second that one client may send in the long run, per ingress process; past it, 429; 0: no limit",
            ge=0,
        ),
    ] = 20.0
    client_burst: Annotated[
        int, Meta(description="orders that one client may send at once before that limit counts", ge=1)
    ] = 600
    unlimited_networks: Annotated[
        str,
        Meta(description="networks whose clients that limit does not count for, with commas between"),
    ] = "127.0.0.0/8,::1/128"
    trusted_proxies: Annotated[
        str,
        Meta(description="networks of gateways whose X-Forwarded-For is believed, with commas between"),
    ] = "127.0.0.0/8,::1/128"
    max_connections: Annotated[
        int,
        Meta(description="connections per ingress process, as far as the limit of open files goes", ge=1),
    ] = 10_000
    stale_reads_seconds: Annotated[
        float,
        Meta(description="how long menus are shown from memory, marked degraded, while Redis is away", ge=0),
    ] = 30.0
    max_streams: Annotated[
        int,
        Meta(
            description="open event streams and feeds of one ingress process; past it, 429 or close 4429",
            ge=1,
        ),
    ] = 8000
    max_streams_per_order: Annotated[
        int, Meta(description="open event streams of one order, by process", ge=1)
    ] = 20
    max_feeds_per_restaurant: Annotated[
        int, Meta(description="open feeds of one restaurant, by process", ge=1)
    ] = 250
    feed_origins: Annotated[
        str,
        Meta(
            description="origins of pages that may open a feed, beside those of the same host, with commas between; *: all"
        ),
    ] = ""
    idempotency_ttl_seconds: Annotated[
        int,
        Meta(description="how long an answer is kept under its key; at least 24 hours in production", ge=1),
    ] = 172_800
    reservation_seconds: Annotated[
        int, Meta(description="how long portions are held for a payment that is not decided", ge=1)
    ] = 120
    provider_port: Annotated[int, Meta(description="port of the simulated payment provider")] = 18090
    provider_host: Annotated[str, Meta(description="address that the simulated provider listens on")] = (
        "127.0.0.1"
    )
    provider_url: Annotated[
        str, Meta(description="an existing payment provider; empty: make up starts the simulated one")
    ] = ""
    payments: Annotated[
        int, Meta(description="simulated payment providers that make up starts: 0 or 1", ge=0, le=1)
    ] = 1
    provider_behaviour: Annotated[
        str,
        Meta(description="how the simulated provider behaves at first: JSON, as PUT /behaviour takes it"),
    ] = ""
    provider_timeout_seconds: Annotated[
        float, Meta(description="how long one call of the provider may take", gt=0)
    ] = 2.0
    escrow_buckets: Annotated[
        int,
        Meta(
            description="buckets that the stock of a restaurant may be split into, each with its own writer; 1: none. For restaurants made from then on, and not to be changed under orders",
            ge=1,
            le=64,
        ),
    ] = 1
    escrow_open_rate: Annotated[
        int,
        Meta(description="orders a second from which a bucket opens; 0: all are always open", ge=0),
    ] = 50
    webhook_allow_private: Annotated[
        bool,
        Meta(
            description="tests and demonstrations only: webhooks and pushes may also go to http:// and to private addresses"
        ),
    ] = False
    webhook_retry_seconds: Annotated[
        int,
        Meta(
            description="how long one webhook is tried before it is set aside; its topic keeps it for three days",
            ge=1,
            le=172_800,
        ),
    ] = 21_600
    push_retry_seconds: Annotated[
        int, Meta(description="how long one push is tried, and is worth showing", ge=1, le=43_200)
    ] = 1_800
    vapid_private_key: Annotated[
        str,
        Meta(
            description="key that pushes are signed with, 32 bytes in base64url; empty: make up makes one in the data folder"
        ),
    ] = ""
    vapid_subject: Annotated[
        str, Meta(description="whom push services may write to about our pushes, mailto: or https:")
    ] = "mailto:ops@promo-relampago.example"
    tick_seconds: Annotated[float, Meta(description="time between two clock ticks of a partition", gt=0)] = (
        1.0
    )
    session_timeout_seconds: Annotated[
        float, Meta(description="silence after which a worker's partitions go to others", ge=1)
    ] = 6.0
    transaction_timeout_seconds: Annotated[
        float, Meta(description="after which the broker aborts a dead worker's transaction", ge=1)
    ] = 10.0
    standby_replicas: Annotated[
        int,
        Meta(
            description="workers that keep a copy of each partition beside the one that has it, for quick takeovers",
            ge=0,
        ),
    ] = 0
    max_batch: Annotated[int, Meta(description="most commands in one transaction", ge=1)] = 500
    kill_at: Annotated[
        str,
        Meta(description="tests only: point[:count], kill -9 itself at the count-th pass of a named point"),
    ] = ""
    otel: Annotated[
        bool,
        Meta(
            description="whether traces are told by OpenTelemetry; where to, OTEL_EXPORTER_OTLP_ENDPOINT says"
        ),
    ] = False
    log_level: Annotated[str, Meta(description="DEBUG, INFO, WARNING or ERROR")] = "INFO"

    @property
    def keyring_partitions(self) -> int:
        """Partitions of the keyring: one, so that it has an order."""
        return 1

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of Kafka, given or of the local stack."""
        return self.kafka_bootstrap_servers or f"127.0.0.1:{self.kafka_port}"

    @property
    def redis(self) -> str:
        """URL of Redis, given or of the local stack."""
        return self.redis_url or f"redis://127.0.0.1:{self.redis_port}/0"

    @property
    def provider(self) -> str:
        """URL of the payment provider, given or of the local stack."""
        return self.provider_url or f"http://127.0.0.1:{self.provider_port}"


class SettingError(ValueError):
    """A PROMO_ setting has a value of the wrong kind; the message names it and what it takes."""


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; raises SettingError."""
    environ = os.environ if environ is None else environ
    given: dict[str, Any] = {}
    hints = get_type_hints(Settings, include_extras=True)
    for name in Settings.__struct_fields__:
        variable = PREFIX + name.upper()
        if variable not in environ:
            continue
        try:
            given[name] = msgspec.convert(environ[variable], hints[name], strict=False)
        except msgspec.ValidationError as error:
            raise SettingError(f"{variable}={environ[variable]!r}: {error}") from error
    return Settings(**given)


def secrets(given: str) -> list[str]:
    """Return the secrets that a setting gives, commas between, the current one first."""
    return [secret for part in given.split(",") if (secret := part.strip())]


def describe() -> list[tuple[str, str, str]]:
    """Return name, default and meaning of each setting."""
    hints = get_type_hints(Settings, include_extras=True)
    defaults = Settings()
    return [
        (PREFIX + name.upper(), str(getattr(defaults, name)), get_args(hints[name])[1].description or "")
        for name in Settings.__struct_fields__
    ]
