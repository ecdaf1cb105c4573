"""Every metric, by name. Times are in seconds.

Where PROMETHEUS_MULTIPROC_DIR is set, as `make up` does, every process keeps its values in a file there and ingress
serves all of them. `multiprocess_mode` says how the gauges of several processes become one. Such a gauge is set to a
value; it cannot be a function.
"""

from typing import get_args

from prometheus_client import Counter, Gauge, Histogram

from schemas.replies import Outcome

#: Upper bounds of the latency buckets; 0.12 and 0.3 are the service level objectives of reads and orders.
LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)

http_requests = Counter(
    "promo_http_requests_total",
    "Requests answered, by route, method and status",
    ["route", "method", "status"],
)
http_duration = Histogram(
    "promo_http_request_duration_seconds",
    "Time from a request's arrival to its answer, by route, method and status",
    ["route", "method", "status"],
    buckets=LATENCY_BUCKETS,
)
orders = Counter("promo_orders_total", "Orders decided, by outcome", ["outcome"])
order_confirmation = Histogram(
    "promo_order_confirmation_seconds",
    "Time from sending the command of an order to its decision",
    buckets=LATENCY_BUCKETS,
)
order_stage = Histogram(
    "promo_order_stage_seconds",
    "Time that an order spends in each stage, as ingress measures it",
    ["stage"],
    buckets=LATENCY_BUCKETS,
)
idempotent_replays = Counter(
    "promo_idempotent_replays_total", "Answers that repeat an earlier one for the same idempotency key"
)
commands_in_flight = Gauge(
    "promo_commands_in_flight", "Commands sent and not yet decided", multiprocess_mode="livesum"
)
admission_limit = Gauge(
    "promo_admission_limit_commands",
    "Current admission limit: commands in flight above which new orders are rejected",
    multiprocess_mode="livesum",
)
requests_rejected = Counter(
    "promo_requests_rejected_total",
    "Requests rejected because of overload or a rate limit, by reason",
    ["reason"],
)
# the owner of a partition sets it; after a move the new owner has set it last
consumer_lag = Gauge(
    "promo_consumer_lag",
    "Records not yet processed, by topic, partition and consumer group",
    ["topic", "partition", "group"],
    multiprocess_mode="livemostrecent",
)
dead_letters = Gauge(
    "promo_dlq_depth", "Unresolved dead letters, by topic", ["topic"], multiprocess_mode="mostrecent"
)
view_staleness = Gauge(
    "promo_view_staleness_seconds",
    "Time by which the views are behind the log",
    multiprocess_mode="livemostrecent",
)
circuit_breaker_state = Gauge(
    "promo_circuit_breaker_state",
    "0 closed, 1 half open, 2 open; the highest of several processes",
    ["name"],
    multiprocess_mode="livemax",
)
notifications = Counter(
    "promo_notifications_total",
    "Messages to customers and restaurants, by channel and result",
    ["channel", "result"],
)
live_streams = Gauge(
    "promo_live_streams", "Open event streams and feeds, by channel", ["channel"], multiprocess_mode="livesum"
)
memory_budget = Gauge(
    "promo_memory_budget_bytes",
    "What a process may need when all that it may hold is full; the largest of several processes",
    multiprocess_mode="livemax",
)
held_bytes = Gauge(
    "promo_held_bytes",
    "Bytes that a cache holds, or that wait for clients or from them, by name of the budget",
    ["budget"],
    multiprocess_mode="livesum",
)
retries = Counter("promo_retries_total", "Attempts after the first, by name of the operation", ["name"])
transactions = Counter("promo_transactions_total", "Kafka transactions, by result", ["result"])
transaction_phase = Histogram(
    "promo_transaction_phase_seconds",
    "Time that a micro-batch spends in each phase",
    ["phase"],
    buckets=(0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.5, 2.0),
)
transaction_commands = Histogram(
    "promo_transaction_commands",
    "Commands of one micro-batch",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000),
)
commands = Counter("promo_commands_total", "Commands read from the log, by result", ["result"])
# the owner of a partition sets it; after a move the new owner has set it last
partition_stopped = Gauge(
    "promo_partition_stopped",
    "1 while a partition waits for a person, since the next of its messages can be neither decided nor set aside",
    ["partition"],
    multiprocess_mode="livemostrecent",
)
partition_time_ahead = Gauge(
    "promo_partition_time_ahead_seconds",
    "Time by which a partition's latest record is ahead of its worker's clock; deadlines fire too early by it",
    ["partition"],
    multiprocess_mode="livemostrecent",
)
newer_records = Counter(
    "promo_newer_records_total",
    "Times that a reader met a record of a version that this release does not know, by reader",
    ["reader"],
)
timers_postponed = Counter(
    "promo_timers_postponed_total",
    "Deadlines that this release could not decide, each postponed by a minute",
)
missing_offsets = Counter("promo_missing_offsets_total", "Input offsets that are missing from the log")
partition_recoveries = Counter(
    "promo_partition_recoveries_total", "Partitions recovered, by the source of their state", ["source"]
)
loop_longest_step = Gauge(
    "promo_event_loop_longest_step_seconds",
    "Longest time in the last half minute for which the event loop of an ingress process served no other request",
    multiprocess_mode="livemax",
)
storage_used = Gauge(
    "promo_storage_used_ratio",
    "Share of a storage that is in use: the memory of Redis, a worker's disk (state), ingress's room for erased keys (keyring)",
    ["storage"],
    multiprocess_mode="livemax",
)
unreadable_personal_data = Counter(
    "promo_personal_data_unreadable_total",
    "Attempts to open personal data whose keys exist and do not open it",
)
ready = Gauge(
    "promo_ready",
    "1 if this process works; the number of those that do, of several processes",
    multiprocess_mode="livesum",
)

payment_requests = Counter(
    "promo_payment_requests_total", "Payment requests completed, by kind and outcome", ["kind", "outcome"]
)
payment_calls = Histogram(
    "promo_payment_call_seconds",
    "Time of one call of the payment provider, by kind and result",
    ["kind", "result"],
    buckets=LATENCY_BUCKETS,
)
refunds_refused = Gauge(
    "promo_refunds_refused",
    "Refunds that are owed and wait for a person, as dead letters",
    multiprocess_mode="mostrecent",
)
provider_rejections = Counter(
    "promo_provider_rejections_total",
    "Calls that the payment provider rejected because of our credentials or address, by cause",
    ["cause"],
)
payments_pending = Gauge(
    "promo_payments_pending", "Payment requests in flight, by kind", ["kind"], multiprocess_mode="livesum"
)
payments_oldest = Gauge(
    "promo_payments_oldest_pending_seconds",
    "Age of the oldest payment request in flight, by kind",
    ["kind"],
    multiprocess_mode="livemax",
)

# these series exist from the start, so that Prometheus sees their first event as an increase
for _outcome in get_args(Outcome):
    if _outcome not in ("created", "replaced"):
        orders.labels(_outcome)
for _result in ("committed", "failed", "fenced"):
    transactions.labels(_result)
for _reason in (
    "overload_page",
    "overload_read",
    "overload_order",
    "rate_limit",
    "order_budget",
    "address_limit",
):
    requests_rejected.labels(_reason)
for _name in ("views", "projector", "recovery", "webhook", "push"):
    retries.labels(_name)
for _cause in ("credentials", "permission", "address"):
    provider_rejections.labels(_cause)
for _name in ("payments", "webhook", "push", "messaging"):
    circuit_breaker_state.labels(_name)
for _channel in ("sse", "feed", "webhook", "push"):
    for _result in ("delivered", "failed"):
        notifications.labels(_channel, _result)
