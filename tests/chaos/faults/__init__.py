"""The faults of the campaign, by name."""

from argparse import ArgumentTypeError

from tests.chaos.faults import clock, network, processes, provider, records, stores, tokens
from tests.chaos.faults.fault import Fault

_ALL = (
    Fault("provider killed", processes.kill("payments")),  # restarted, it behaves well
    Fault("worker killed", processes.kill("streams")),
    Fault("ingress killed", processes.kill("ingress")),
    Fault("egress killed", processes.kill("egress")),
    Fault("every worker killed", processes.kill_every_worker),
    Fault("worker terminated", processes.terminate("streams")),
    Fault("ingress terminated", processes.terminate("ingress")),
    Fault("egress terminated", processes.terminate("egress")),
    Fault(
        "worker frozen", processes.freeze("streams"), (7.5, 10.0)
    ),  # longer than the session timeout of 6 s
    Fault("worker killed before begin", processes.kill_at("before-begin")),
    Fault("worker killed after produce", processes.kill_at("after-produce")),
    Fault("worker killed after commit", processes.kill_at("after-commit")),
    Fault("worker killed after apply", processes.kill_at("after-apply")),
    Fault("worker killed after acknowledge", processes.kill_at("after-acknowledge")),
    Fault("join and leave storm", processes.scale_repeatedly, alone=True),
    Fault("rolling restart", processes.restart_each, alone=True),
    Fault("broker killed", processes.kill("kafka")),
    Fault("broker frozen", processes.freeze("kafka"), (2.0, 8.0)),
    Fault("redis killed", processes.kill("redis")),
    Fault("redis frozen", processes.freeze("redis"), (3.0, 7.0)),
    Fault("redis flushed", stores.flush_redis),
    Fault("provider frozen", processes.freeze("payments"), (3.0, 15.0)),
    Fault("provider rejects our credentials", provider.reject(401), (5.0, 12.0), alone=True),
    Fault("provider address moved", provider.reject(404), (5.0, 12.0), alone=True),
    Fault("worker cut off from the broker", network.cut_off("streams"), (5.0, 9.0)),
    Fault("worker half a second from the broker", network.slow_down("streams"), (5.0, 8.0)),
    Fault("egress cut off from redis", network.cut_off("egress"), (5.0, 9.0)),
    Fault("egress half a second from redis", network.slow_down("egress"), (5.0, 8.0)),
    Fault("local store deleted", stores.delete),
    Fault("local store truncated", stores.truncate),
    Fault("local store restored from an old copy", stores.restore_old_copy, alone=True),
    Fault("local store damaged while it is read", stores.damage_live),
    Fault("record too large", records.send_too_large),
    Fault("clock leaps", clock.leap, alone=True),
    Fault("clock a minute off", processes.shift_clock, (4.0, 7.0)),
    Fault("key expires", processes.let_keys_expire, (6.0, 9.0)),
    Fault("token revoked", tokens.revoke, alone=True),
    Fault("hot restaurant", processes.heat_restaurant, (6.0, 9.0)),
)
FAULTS = {fault.name: fault for fault in _ALL}


def parse_names(names: str) -> list[str]:
    """Return the fault names in a comma-separated list, or all for `all`. Raises ArgumentTypeError."""
    if names == "all":
        return list(FAULTS)
    chosen = [name.strip() for name in names.split(",")]
    if unknown := [name for name in chosen if name not in FAULTS]:
        raise ArgumentTypeError(f"unknown faults: {', '.join(unknown)}; known: {', '.join(FAULTS)}")
    return chosen
