"""Faults of processes: killed, terminated, frozen, scaled, restarted, with a wrong clock, under uneven load."""

import signal
from pathlib import Path

from tests.chaos.faults.fault import Inject, Injection, send_signal
from tests.chaos.stack_under_test import SIZE

INJECTED = Path(__file__).parents[1] / "injected"
CLOCK_SHIFT_SECONDS = 60
#: Time for one more worker to join, to pass its failpoint up to 40 times and to die there.
DEATH_TIMEOUT_SECONDS = 45.0


def kill(role: str) -> Inject:
    """Return: kill -9 one process. The supervisor starts it again: Kafka with its data, Redis without any."""
    return _end(role, signal.SIGKILL)


def terminate(role: str) -> Inject:
    """Return: SIGTERM to one process, which ends in order."""
    return _end(role, signal.SIGTERM)


def _end(role: str, number: signal.Signals) -> Inject:
    async def inject(injection: Injection) -> None:
        victim = await injection.choose(role)
        send_signal(victim, number)
        await injection.target.wait_until_ended(victim)

    return inject


async def kill_every_worker(injection: Injection) -> None:
    """kill -9 all stream workers at once."""
    victims = injection.target.running("streams")
    for victim in victims:
        send_signal(victim, signal.SIGKILL)
    for victim in victims:
        await injection.target.wait_until_ended(victim)


def freeze(role: str) -> Inject:
    """Return: SIGSTOP to one process, and SIGCONT later."""

    async def inject(injection: Injection) -> None:
        victim = await injection.choose(role)
        injection.undo.callback(send_signal, victim, signal.SIGCONT)
        send_signal(victim, signal.SIGSTOP)

    return inject


def kill_at(point: str) -> Inject:
    """Return: one more worker joins and dies at a failpoint; half of them start again under the same name."""

    async def inject(injection: Injection) -> None:
        failpoint = f"{point}:{injection.rng.randint(5, 40)}"
        victim = injection.target.start_extra("streams", PROMO_FAILPOINT=failpoint)
        await victim.wait_until_killed(DEATH_TIMEOUT_SECONDS)
        if injection.rng.random() < 0.5:
            successor = injection.target.start_extra("streams", predecessor=victim)
            injection.undo.push_async_callback(successor.stop)
            await successor.wait_until_ready()

    return inject


async def scale_repeatedly(injection: Injection) -> None:
    """Scale workers and ingress processes up and down several times in a row."""
    injection.undo.push_async_callback(injection.target.scale, **SIZE)
    for _ in range(injection.rng.randint(3, 4)):
        await injection.target.scale(streams=injection.rng.randint(1, 5), ingress=injection.rng.randint(1, 3))


async def restart_each(injection: Injection) -> None:
    """Terminate every process of the product, one after the other, as an upgrade does."""
    for role in SIZE:
        for process in injection.target.running(role):
            send_signal(process, signal.SIGTERM)
            await injection.target.wait_until_ended(process)
            await injection.target.wait_until_recovered()


async def shift_clock(injection: Injection) -> None:
    """Start one more worker, whose clock is a minute ahead or behind."""
    shift = injection.rng.choice([CLOCK_SHIFT_SECONDS, -CLOCK_SHIFT_SECONDS])
    member = injection.target.start_extra("streams", PYTHONPATH=str(INJECTED), CHAOS_CLOCK_SHIFT=str(shift))
    injection.undo.push_async_callback(member.stop)
    await member.wait_until_ready()


async def let_keys_expire(injection: Injection) -> None:
    """Let many customers come back with the key of an order that is long decided, for the same or for something else."""
    injection.undo.callback(setattr, injection.target, "do_customers_return", False)
    injection.target.do_customers_return = True


async def heat_restaurant(injection: Injection) -> None:
    """Send 80 % of the traffic to one restaurant."""
    injection.undo.callback(setattr, injection.target, "is_hot", False)
    injection.target.is_hot = True
