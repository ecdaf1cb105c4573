"""Faults of the way to the payment provider: it works, but rejects every call, as after a rotated key or a moved path."""

from tests.chaos.faults.fault import Inject, Injection
from tests.chaos.provider_books import BAD, ProviderBooks
from tests.chaos.stack_under_test import client_session


def reject(status: int) -> Inject:
    """Return: the provider answers every call with this status, and none takes effect."""

    async def inject(injection: Injection) -> None:
        target = injection.target
        session = await injection.undo.enter_async_context(client_session())
        books = ProviderBooks(session, target.stack.environment["PROMO_PROVIDER_PORT"], target.folder)
        injection.undo.push_async_callback(books.set_behaviour, BAD)
        await books.set_behaviour(BAD | {"reject_status": status})

    return inject
