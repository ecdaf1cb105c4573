"""Every metric, by name, once. Times are in seconds.

Where PROMETHEUS_MULTIPROC_DIR is set, as `make up` sets it, every process keeps its values in a file
there and ingress shows all of them; `multiprocess_mode` says how the gauges of several processes are
shown as one, and a gauge is set: it cannot be a function.
"""

from typing import get_args

from prometheus_client import Counter, Gauge, Histogram

from schemas.replies import Outcome

#: Upper bounds of the latency buckets; 0.12 and 0.3 are the service levels for reads and orders.
LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)

http_requests = Counter("promo_http_requests_total", "HTTP requests answered", ["route", "method", "status"])
http_duration = Histogram(
    "promo_http_request_duration_seconds",
    "From the request's arrival to its answer",
    ["route", "method", "status"],
    buckets=LATENCY_BUCKETS,
)
orders = Counter("promo_orders_total", "Orders decided, by outcome", ["outcome"])
order_confirmation = Histogram(
    "promo_order_confirmation_seconds",
    "From an order's arrival to its decision",
    buckets=LATENCY_BUCKETS,
)
order_hop = Histogram(
    "promo_order_hop_seconds",
    "Where the time of a confirmation goes, as ingress sees it",
    ["hop"],
    buckets=LATENCY_BUCKETS,
)
idempotent_replays = Counter("promo_idempotent_replays_total", "Answers that had been given before")
undecided = Gauge(
    "promo_undecided_commands", "Commands that wait for their decision", multiprocess_mode="livesum"
)
admission_bound = Gauge(
    "promo_admission_bound",
    "Undecided commands past which new orders are sent away",
    multiprocess_mode="livesum",
)
turned_away = Counter(
    "promo_turned_away_total",
    "Requests that were sent away under pressure, or past a client's limit",
    ["kind"],
)
#: Of each partition, the process that has it says; a partition that has moved was said last by who has it now.
consumer_lag = Gauge(
    "promo_consumer_lag",
    "Records not yet processed",
    ["topic", "partition", "group"],
    multiprocess_mode="livemostrecent",
)
dead_letters = Gauge(
    "promo_dlq_depth",
    "Dead letters of a topic that nothing was done about",
    ["topic"],
    multiprocess_mode="mostrecent",
)
view_staleness = Gauge("promo_view_staleness_seconds", "Age of the views", multiprocess_mode="livemostrecent")
circuit_breaker_state = Gauge(
    "promo_circuit_breaker_state",
    "0 closed, 1 half open, 2 open; of several processes the highest",
    ["name"],
    multiprocess_mode="livemax",
)
notifications = Counter(
    "promo_notifications_total", "Messages to customers and restaurants", ["channel", "result"]
)
live_streams = Gauge(
    "promo_live_streams", "Clients that follow an order or a board", ["channel"], multiprocess_mode="livesum"
)
retries = Counter("promo_retries_total", "Attempts after the first", ["name"])
transactions = Counter("promo_transactions_total", "Transactions, by result", ["result"])
transaction_phase = Histogram(
    "promo_transaction_phase_seconds",
    "Where a micro-batch spends its time",
    ["phase"],
    buckets=(0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.5, 2.0),
)
batch_size = Histogram(
    "promo_batch_commands", "Commands in a micro-batch", buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)
)
commands = Counter("promo_commands_total", "Commands read from the log, by result", ["result"])
offset_gaps = Counter("promo_offset_gaps_total", "Input offsets that were missing from the log")
recoveries = Counter(
    "promo_recoveries_total", "Partitions taken over, by what the local store was worth", ["store"]
)
ready = Gauge(
    "promo_ready", "1 when this process does its work; of several, how many do", multiprocess_mode="livesum"
)

payment_requests = Counter(
    "promo_payment_requests_total",
    "Requests to the gateway that are done with, by outcome",
    ["kind", "outcome"],
)
payment_calls = Histogram(
    "promo_payment_call_seconds",
    "One call of the payment provider",
    ["kind", "result"],
    buckets=LATENCY_BUCKETS,
)
payments_pending = Gauge(
    "promo_payments_pending",
    "Requests to the gateway that are under way",
    ["kind"],
    multiprocess_mode="livesum",
)
payments_oldest = Gauge(
    "promo_payments_oldest_pending_seconds",
    "Age of the oldest request that is under way",
    ["kind"],
    multiprocess_mode="livemax",
)

# what is counted from the start, so that the first event is seen as a rise and not as a new series
for _outcome in get_args(Outcome):
    if _outcome not in ("created", "replaced"):
        orders.labels(_outcome)
for _result in ("committed", "failed", "fenced"):
    transactions.labels(_result)
for _kind in ("page", "read", "order", "client"):
    turned_away.labels(_kind)
for _name in ("views", "facts", "recovery", "webhook", "push"):
    retries.labels(_name)
for _name in ("payments", "webhook", "push"):
    circuit_breaker_state.labels(_name)
for _channel in ("sse", "feed", "webhook", "push"):
    for _result in ("delivered", "failed"):
        notifications.labels(_channel, _result)
