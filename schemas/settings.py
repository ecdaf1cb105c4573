"""Every setting, read from the environment: field `http_port` is `PROMO_HTTP_PORT`.

`read` checks all of them at once, before anything starts. `setting_types.py` says what each may look like.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, get_type_hints

from msgspec import Meta, Struct

from schemas import setting_checks
from schemas.kafka_connection import KafkaConnection
from schemas.setting_types import (
    BearerToken,
    ContactUrl,
    FailpointSpec,
    FilePath,
    Folder,
    Host,
    HttpUrl,
    JsonList,
    JsonObject,
    KafkaPort,
    Networks,
    NonNegative,
    NonNegativeNumber,
    OptionalPort,
    Origins,
    Partitions,
    Port,
    Positive,
    ProcessName,
    RedisUrl,
    Seconds,
    Secrets,
    Servers,
    VapidKey,
)

PREFIX = "PROMO_"


class Settings(Struct, frozen=True, kw_only=True):
    """The defaults are those of the local stack that `make up` starts."""

    # Kafka
    kafka_bootstrap_servers: Annotated[
        Servers, "servers of an existing Kafka; empty: `make up` starts a broker of its own"
    ] = ""
    kafka_port: Annotated[
        KafkaPort, "port of the Kafka that `make up` starts; its controller listens on the next one"
    ] = 19092
    broker_quick_start: Annotated[
        bool,
        "whether that Kafka is tuned to start fast; without, it starts later and after a minute needs a third less CPU",
    ] = True
    partitions: Annotated[
        Partitions,
        "partitions of every topic that is keyed by restaurant; cannot change once there are orders",
    ] = 8
    reply_partitions: Annotated[
        Partitions, "partitions of the replies topic, which is also the maximum number of ingress processes"
    ] = 16
    session_timeout_seconds: Annotated[
        float, Meta(ge=1), "seconds of silence after which Kafka reassigns a worker's partitions"
    ] = 6.0
    transaction_timeout_seconds: Annotated[
        float, Meta(ge=1), "seconds after which Kafka aborts the open transaction of a dead worker"
    ] = 10.0
    max_transaction_commands: Annotated[
        Positive, "maximum number of commands that one transaction processes"
    ] = 500
    standby_replicas: Annotated[
        NonNegative,
        "workers that keep a copy of each partition's state for a quick takeover, apart from its owner",
    ] = 0

    # Redis
    redis_url: Annotated[
        RedisUrl, "URL of an existing Redis; empty: `make up` starts a server of its own"
    ] = ""
    redis_port: Annotated[Port, "port of the Redis that `make up` starts"] = 16379

    # HTTP
    http_host: Annotated[Host, "address that ingress listens on"] = "127.0.0.1"
    http_port: Annotated[Port, "port that all ingress processes listen on"] = 8080
    edge_enabled: Annotated[
        bool, "whether `make up` starts nginx as gateway and cache in front of ingress"
    ] = False
    edge_port: Annotated[Port, "port of that nginx"] = 8088
    trusted_proxies: Annotated[
        Networks, "networks of the gateways whose X-Forwarded-For header is believed"
    ] = "127.0.0.0/8,::1/128"
    feed_origins: Annotated[
        Origins, "origins of the pages that may open a feed, in addition to those of the same host; *: all"
    ] = ""
    max_connections: Annotated[
        Positive, "maximum number of connections of one ingress process, if the limit of open files allows"
    ] = 10_000
    max_connections_per_address: Annotated[
        Positive,
        "maximum number of connections of one address, per ingress process; above it, 429; trusted proxies have no such limit",
    ] = 2000
    fast_path: Annotated[
        bool,
        "whether cached menus are answered, and orders rejected under overload, before aiohttp parses the request",
    ] = True
    max_streams: Annotated[
        Positive,
        "maximum number of open event streams of one ingress process; above it, 429",
    ] = 8000
    max_feeds: Annotated[
        Positive,
        "maximum number of open feeds of one ingress process, which event streams cannot use up; above it, close code 4429",
    ] = 1000
    max_streams_per_address: Annotated[
        Positive,
        "maximum number of open event streams of one address, and as many feeds, per ingress process; above it, 429",
    ] = 1000
    max_streams_per_order: Annotated[
        Positive, "maximum number of open event streams of one order, per process"
    ] = 20
    max_feeds_per_restaurant: Annotated[
        Positive, "maximum number of open feeds of one restaurant, per process"
    ] = 250

    # Orders
    order_reply_timeout_seconds: Annotated[
        float,
        Meta(ge=0, le=30),
        "how long POST /v1/orders waits for its decision before it answers 202, in seconds",
    ] = 5.0
    idempotency_ttl_seconds: Annotated[
        Positive,
        "how long an answer is kept under its idempotency key, in seconds; at least 24 hours in production",
    ] = 172_800
    reservation_seconds: Annotated[
        Positive, "how long portions stay reserved for a payment that is not decided, in seconds"
    ] = 120
    tick_seconds: Annotated[
        Seconds, "time between two clock ticks of a partition, in seconds; deadlines fire at ticks"
    ] = 1.0
    escrow_buckets: Annotated[
        int,
        Meta(ge=1, le=64),
        "parts that a restaurant's stock may be split into, each with its own writer; 1: no split; cannot change once there are orders",
    ] = 1
    escrow_open_orders_per_second: Annotated[
        NonNegative, "orders a second from which a further bucket opens; 0: all buckets are always open"
    ] = 50
    cash_orders_per_customer: Annotated[
        NonNegative,
        "cash orders that one customer may have open at a restaurant, until they are out for delivery; above it, 409; 0: no limit",
    ] = 10
    cash_orders_per_address: Annotated[
        NonNegative,
        "cash orders that one address may have open at a restaurant, until they are out for delivery; above it, 409; 0: no limit",
    ] = 100
    cash_order_portions: Annotated[
        NonNegative, "portions that one cash order may have; above it, 409; 0: no limit"
    ] = 100

    menu_items_per_restaurant: Annotated[
        NonNegative, "items that a restaurant's menu may have; above it, 409; 0: no limit"
    ] = 500
    promotions_per_restaurant: Annotated[
        NonNegative,
        "promotions that a restaurant may have planned or open, or over for less than an hour; above it, 409; 0: no limit",
    ] = 50
    promotion_retention_seconds: Annotated[
        Positive,
        "how long a promotion is kept after its end, in seconds; then it is deleted, an hour after its end at the earliest",
    ] = 30 * 86_400
    catalogue_changes_per_minute: Annotated[
        NonNegative,
        "PUTs and DELETEs of one restaurant's profile, items and promotions a minute on average, and 1,000 at once, per ingress process; above it, 429; 0: no limit",
    ] = 300

    # Overload
    max_in_flight_commands: Annotated[
        Positive,
        "maximum number of undecided commands of one ingress process, and of orders that are paid online; above it, new orders are answered 503 overloaded, above twice as many all others",
    ] = 2000
    admission_target_delay_seconds: Annotated[
        Seconds,
        "target for how long a new order queues for its decision, in seconds; while it is exceeded, new orders are answered 503 overloaded",
    ] = 0.035
    client_orders_per_second: Annotated[
        NonNegativeNumber,
        "orders a second that one address, and one customer, may send on average, per ingress process; above it, 429; 0: no limit",
    ] = 20.0
    client_burst: Annotated[
        Positive, "orders that one address, and one customer, may send at once before that limit applies"
    ] = 600
    address_customers_per_second: Annotated[
        NonNegativeNumber,
        "tokens for new customers a second that one address may get on average, per ingress process; above it, 429; 0: no limit",
    ] = 1.0
    address_customers_burst: Annotated[
        Positive, "tokens for new customers that one address may get at once before that limit applies"
    ] = 100
    rate_limit_exempt_networks: Annotated[
        Networks, "networks whose clients have no limit of orders, customers, connections and streams"
    ] = "127.0.0.0/8,::1/128"
    stale_if_error_seconds: Annotated[
        NonNegativeNumber,
        "how long cached menus are served, marked degraded, while Redis is unreachable, in seconds",
    ] = 30.0

    # Payments
    provider_url: Annotated[
        HttpUrl, "URL of an existing payment provider; empty: `make up` starts a simulated one"
    ] = ""
    provider_timeout_seconds: Annotated[
        Seconds, "how long one call of the payment provider may take, in seconds"
    ] = 2.0
    provider_token: Annotated[
        BearerToken,
        "bearer token for the payment provider; empty, without a file as well: none is sent, and `make up` creates one for the simulated provider",
    ] = ""
    provider_token_file: Annotated[
        FilePath,
        "file that holds that token, read again when it has changed and when the provider answers 401; empty: PROMO_PROVIDER_TOKEN is it",
    ] = ""
    provider_host: Annotated[Host, "address that the simulated payment provider listens on"] = "127.0.0.1"
    provider_port: Annotated[Port, "port of the simulated payment provider"] = 18090
    provider_behaviour: Annotated[
        JsonObject,
        "initial behaviour of the simulated payment provider, as PUT /behaviour accepts it; empty: it answers every request",
    ] = ""

    # Customers
    messaging_url: Annotated[
        HttpUrl, "URL of an existing messaging provider; empty: `make up` starts a simulated one"
    ] = ""
    messaging_timeout_seconds: Annotated[
        Seconds, "how long one call of the messaging provider may take, in seconds"
    ] = 3.0
    messaging_host: Annotated[Host, "address that the simulated messaging provider listens on"] = "127.0.0.1"
    messaging_port: Annotated[Port, "port of the simulated messaging provider"] = 18091
    messaging_behaviour: Annotated[
        JsonObject,
        "initial behaviour of the simulated messaging provider, as PUT /behaviour accepts it; empty: it answers every request",
    ] = ""
    jwt_issuers: Annotated[
        JsonList,
        'issuers of partners\' tokens: [{"issuer", "audience", "assurance": "device" or "phone", "jwks_url" or "jwks_file"}]; empty: none',
    ] = ""
    verification_seconds: Annotated[
        int, Meta(ge=30, le=3600), "how long a code that was sent to a phone is valid, in seconds"
    ] = 600
    verification_resend_seconds: Annotated[
        int, Meta(ge=0, le=3600), "time between two codes for one phone, in seconds; 0: none"
    ] = 30
    verification_codes_per_phone_and_address: Annotated[
        Positive, "maximum number of codes a day for one phone that one address may ask for; above it, 429"
    ] = 5
    verification_codes_per_phone: Annotated[
        Positive,
        "maximum number of codes a day for one phone, whichever addresses ask for them; above it, 429",
    ] = 30
    verification_codes_per_address: Annotated[
        Positive, "maximum number of codes a day that one address may ask for; above it, 429"
    ] = 100
    verification_codes_per_day: Annotated[
        Positive, "maximum number of codes a day in all, since messages cost money; above it, 429"
    ] = 50_000

    # Notifications
    webhook_allow_private: Annotated[
        bool,
        "tests and demonstrations only: whether webhooks and pushes may go to http:// URLs and private addresses",
    ] = False
    webhook_retry_seconds: Annotated[
        int,
        Meta(ge=1, le=172_800),
        "how long one webhook is retried before it becomes a dead letter, in seconds",
    ] = 21_600
    push_retry_seconds: Annotated[
        int, Meta(ge=1, le=43_200), "how long one push is retried and worth showing, in seconds"
    ] = 1_800
    vapid_private_key: Annotated[
        VapidKey, "private key that pushes are signed with; empty: `make up` creates one in the data folder"
    ] = ""
    vapid_subject: Annotated[ContactUrl, "contact for push services about our pushes"] = (
        "mailto:ops@promo-relampago.example"
    )

    # Secrets
    admin_token: Annotated[
        Secrets,
        "bearer token of the administrator, or several separated by commas; empty: `make up` creates one in the data folder",
    ] = ""
    token_secret: Annotated[
        Secrets,
        "secret that tokens are signed with, or the current and the previous one separated by a comma; empty: `make up` creates one in the data folder",
    ] = ""
    webhook_secret: Annotated[
        Secrets,
        "secret that the secrets of restaurants' webhooks are derived from, or the current and the previous one separated by a comma; empty: `make up` creates one in the data folder",
    ] = ""
    privacy_secret: Annotated[
        Secrets,
        "secret that encrypts the keys of personal data, or the current and the previous one separated by a comma; empty: `make up` creates one in the data folder",
    ] = ""

    # Processes
    ingress_processes: Annotated[NonNegative, "ingress processes that `make up` starts"] = 1
    streams_processes: Annotated[NonNegative, "stream workers that `make up` starts"] = 1
    egress_processes: Annotated[NonNegative, "egress processes that `make up` starts"] = 1
    payments_processes: Annotated[
        int, Meta(ge=0, le=1), "simulated payment providers that `make up` starts"
    ] = 1
    messaging_processes: Annotated[
        int, Meta(ge=0, le=1), "simulated messaging providers that `make up` starts"
    ] = 1
    instance: Annotated[ProcessName, "name of this process, role-number; `make up` sets it; empty: none"] = ""
    data_dir: Annotated[Folder, "folder for data, logs and process state"] = ".promo"
    failpoint: Annotated[
        FailpointSpec,
        "tests only: the process kills itself when it passes this point for the count-th time; empty: never",
    ] = ""

    # Observability
    ops_host: Annotated[
        Host,
        "address that processes other than ingress serve /metrics and /health on; 0.0.0.0 in a container",
    ] = "127.0.0.1"
    ops_port: Annotated[OptionalPort, "first of the ports that they serve these on; 0: none"] = 18100
    otel_enabled: Annotated[
        bool, "whether traces are exported by OpenTelemetry; OTEL_EXPORTER_OTLP_ENDPOINT says where to"
    ] = False
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], "lowest level of the log lines that are written"
    ] = "INFO"

    @property
    def keyring_partitions(self) -> int:
        """Partitions of the keyring topic: one, so that its records have one order."""
        return 1

    @property
    def access_partitions(self) -> int:
        """Partitions of the topic of issued tokens: one, so that its records have one order."""
        return 1

    @property
    def kafka(self) -> KafkaConnection:
        """The Kafka of the settings, or that of the local stack."""
        return KafkaConnection(self.kafka_bootstrap_servers or f"127.0.0.1:{self.kafka_port}")

    @property
    def redis(self) -> str:
        """URL of Redis, given or of the local stack."""
        return self.redis_url or f"redis://127.0.0.1:{self.redis_port}/0"

    @property
    def provider(self) -> str:
        """URL of the payment provider, given or of the local stack."""
        return self.provider_url or f"http://127.0.0.1:{self.provider_port}"

    @property
    def messaging(self) -> str:
        """URL of the messaging provider, given or of the local stack."""
        return self.messaging_url or f"http://127.0.0.1:{self.messaging_port}"


_HINTS: dict[str, Any] = get_type_hints(Settings, include_extras=True)
_FIELDS = {PREFIX + name.upper(): name for name in Settings.__struct_fields__}

#: What a process checks in addition; it yields one message a fault.
SettingCheck = Callable[[Settings], Iterable[str]]


class SettingError(ValueError):
    """Settings have faults; the message names each setting and what it accepts."""


def read(environ: Mapping[str, str] | None = None, checks: Iterable[SettingCheck] = ()) -> Settings:
    """Return the settings of the environment; raises SettingError with all faults at once.

    `checks` get the settings with defaults in place of values that have a fault.
    """
    environ = os.environ if environ is None else environ
    defaults, given, faults = Settings(), {}, []
    for variable in setting_checks.own_variables(environ, PREFIX, _FIELDS):
        if (name := _FIELDS.get(variable)) is None:
            faults.append(setting_checks.unknown_name(variable, PREFIX, _FIELDS))
            continue
        try:
            given[name] = setting_checks.parse(_HINTS[name], environ[variable], getattr(defaults, name))
        except ValueError as error:
            faults.append(f"{variable}{error}")
    settings = Settings(**given)
    faults += [fault for check in (_reply_partitions, _provider_token, *checks) for fault in check(settings)]
    if faults:
        first = [f"{len(faults)} settings have faults:"] if len(faults) > 1 else []
        raise SettingError("\n  ".join([*first, *faults]))
    return settings


def describe() -> list[tuple[str, str, str]]:
    """Return name, default and meaning of each setting."""
    defaults = Settings()
    described = []
    for variable, name in _FIELDS.items():
        default = getattr(defaults, name)
        shown = str(int(default) if isinstance(default, bool) else default)
        described.append((variable, shown, setting_checks.meaning(_HINTS[name])))
    return described


def _reply_partitions(settings: Settings) -> Iterator[str]:
    if settings.ingress_processes > settings.reply_partitions:
        yield (
            f"PROMO_INGRESS_PROCESSES={settings.ingress_processes}: expected at most PROMO_REPLY_PARTITIONS, "
            f"{settings.reply_partitions}, since each process needs a partition for its replies"
        )


def _provider_token(settings: Settings) -> Iterator[str]:
    if settings.provider_token and settings.provider_token_file:
        yield "PROMO_PROVIDER_TOKEN and PROMO_PROVIDER_TOKEN_FILE: expected one of the two"
