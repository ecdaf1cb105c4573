"""The topology: what is read, by whom it is decided, what is written.

    order.commands ──> CommandFunction (domain: decide, evolve) ──> order.created
                            │    ▲                              ──> stock.reserved, stock.released
                            ▼    │                              ──> order.confirmed, order.failed
                      the tables of tables/registry.py          ──> order.status-changed, order.cancelled
                            │                                   ──> payment.refunded, catalog.changed
                            └──> order.state-changelog          ──> payment.requests, order.replies
                                                                ──> view.watermarks, order.commands.dlq
                                                                ──> portions.moved, bucket.commands

All that stands on the right of one arrow in, and the changelog, is one transaction.
"""

from schemas.settings import Settings
from schemas.topics import ORDER_COMMANDS, STATE_CHANGELOG
from streams.agents import clock
from streams.agents.commands import CommandFunction
from streams.agents.dead_letters import dead_letter
from streams.domain.decision import Policy
from streams.exactly_once import lag, transport
from streams.exactly_once.agent import Table, agent
from streams.exactly_once.layer import Layer, LayerSettings
from streams.exactly_once.transport import App
from tables.registry import TABLES

APPLICATION = "promo-streams"


def build(settings: Settings, layer_settings: LayerSettings) -> App:
    """Wire the application; nothing is opened before it starts."""
    transport.register()
    app = App(
        APPLICATION,
        broker=[f"{transport.SCHEME}://{server}" for server in settings.bootstrap_servers.split(",")],
        datadir=str(layer_settings.folder),
        Table=Table,
        TableManager="streams.exactly_once.manager:TableManager",
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
    app.layer = Layer(layer_settings)
    commands = app.topic(
        ORDER_COMMANDS.name, key_type=bytes, value_type=bytes, value_serializer="raw", internal=False
    )
    policy = Policy(
        idempotency_ttl_seconds=settings.idempotency_ttl_seconds,
        reservation_seconds=settings.reservation_seconds,
        buckets=settings.escrow_buckets,
        open_rate=settings.escrow_open_rate,
    )
    tables = [app.Table(spec.name, value_type=spec.record) for spec in TABLES]
    agent(app, commands, changelog=STATE_CHANGELOG.name, tables=tables, dead_letter=dead_letter)(
        CommandFunction(policy)
    )

    @app.task
    async def run_clock() -> None:
        await clock.run(app, commands, settings.tick_seconds)

    @app.task
    async def measure_lag() -> None:
        await lag.run(app)

    return app
