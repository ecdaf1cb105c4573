"""The topology: one input topic, one handler, and everything that it writes.

    order.commands ──> CommandHandler (domain: decide, evolve) ──> order.created
                            │    ▲                             ──> stock.reserved, stock.released
                            ▼    │                             ──> order.confirmed, order.failed
                      the tables of tables/registry.py         ──> order.status-changed, order.cancelled
                            │                                  ──> payment.refunded, catalog.changed
                            └──> order.state-changelog         ──> payment.requests, order.replies
                                                               ──> view.watermarks, order.commands.dlq
                                                               ──> portions.moved, bucket.commands

What a micro-batch of commands writes, to the topics on the right and to the changelog, is one transaction.
"""

from functools import partial

from schemas.consumer_groups import DECISIONS
from schemas.settings import Settings
from schemas.telemetry import storage
from schemas.topics import CLOCK_ACCEPTANCES, ORDER_COMMANDS, STATE_CHANGELOG, max_record_bytes
from streams.agents import ticker
from streams.agents.command_handler import REJECTIONS, CommandHandler
from streams.agents.dead_letters import dead_letter
from streams.domain.decision import Policy
from streams.exactly_once import lag, transport
from streams.exactly_once.agent import TransactionalTable, agent
from streams.exactly_once.record_codec import RecordVersions
from streams.exactly_once.runtime import ExactlyOnceRuntime, RuntimeSettings
from streams.exactly_once.transport import App
from tables.registry import TABLES


def build(settings: Settings, runtime_settings: RuntimeSettings) -> App:
    """Return the wired application; it opens nothing before it starts."""
    transport.register()
    app = App(
        DECISIONS.name,
        broker=[f"{transport.SCHEME}://{server}" for server in settings.kafka.bootstrap_servers.split(",")],
        datadir=str(runtime_settings.folder),
        Table=TransactionalTable,
        TableManager="streams.exactly_once.table_manager:TableManager",
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        stream_wait_empty=True,
        broker_commit_interval=1.0,
        broker_session_timeout=settings.session_timeout_seconds,
        broker_heartbeat_interval=settings.session_timeout_seconds / 5,
        broker_request_timeout=max(10.0, settings.session_timeout_seconds * 2),
        broker_rebalance_timeout=10.0,
        consumer_group_instance_id=settings.instance or None,
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=30_000,
        producer_linger=0,
    )
    app.runtime = ExactlyOnceRuntime(runtime_settings)
    commands = app.topic(
        ORDER_COMMANDS.name, key_type=bytes, value_type=bytes, value_serializer="raw", internal=False
    )
    policy = Policy(
        idempotency_ttl_seconds=settings.idempotency_ttl_seconds,
        reservation_seconds=settings.reservation_seconds,
        menu_items=settings.menu_items_per_restaurant,
        promotions=settings.promotions_per_restaurant,
        promotion_retention_seconds=settings.promotion_retention_seconds,
        buckets=settings.escrow_buckets,
        open_rate=settings.escrow_open_orders_per_second,
        cash_orders_per_customer=settings.cash_orders_per_customer,
        cash_orders_per_address=settings.cash_orders_per_address,
        cash_order_portions=settings.cash_order_portions,
    )
    tables = [app.Table(spec.name, value_type=spec.record) for spec in TABLES]
    agent(
        app,
        commands,
        changelog=STATE_CHANGELOG.name,
        acceptances=CLOCK_ACCEPTANCES.name,
        tables=tables,
        versions={spec.name: RecordVersions(spec.written_version, spec.known_version) for spec in TABLES},
        dead_letter=partial(dead_letter, reply_partitions=settings.reply_partitions),
        rejections=REJECTIONS,
        max_record_bytes=max_record_bytes,
    )(CommandHandler(policy, settings.reply_partitions))

    @app.task
    async def run_ticker() -> None:
        await ticker.run(app, commands, settings.tick_seconds)

    @app.task
    async def measure_lag() -> None:
        await lag.run(app)

    @app.task
    async def measure_disk() -> None:
        await storage.report("state", partial(storage.disk_share, runtime_settings.folder))

    return app
