"""Which attempts are made at the same time: recipients that stay silent hold nothing of those that answer.

A silent recipient holds a connection until its timeout. So recipients share connections only with their like: those
that answered lately, those that were never tried, and those that were silent or slow. Services that a channel knows have
connections of their own, whatever others do. Recipients of
one site that have not answered share two attempts at a time, because the owner of a domain has any number of names in it.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Set
from enum import Enum
from weakref import WeakValueDictionary


class Standing(Enum):
    """What is known of a recipient."""

    KNOWN = "known"  #: It is a service that the channel knows by name.
    NEW = "new"  #: It was never tried, or long ago.
    ANSWERED = "answered"  #: It answered one of its last attempts in time, with any status.
    SILENT = "silent"  #: It answered none of them.


#: The standings of recipients that have not answered.
UNPROVEN = frozenset({Standing.NEW, Standing.SILENT})
#: Attempts of one channel at a time, by the standing of their recipients.
MAX_ATTEMPTS = {Standing.KNOWN: 256, Standing.NEW: 1_536, Standing.ANSWERED: 512, Standing.SILENT: 64}
#: Attempts at a time at recipients of one site and one standing that have not answered.
MAX_ATTEMPTS_PER_SITE = 2
#: Attempts in a row without an answer that make a recipient silent which had answered before.
MAX_UNANSWERED = 3
#: Recipients whose standing is remembered; the one that was tried longest ago is forgotten first.
MAX_REMEMBERED = 20_000


class AttemptQuotas:
    """The attempts of one channel.

    Args:
        known_sites: the sites of the services that the channel knows.
    """

    def __init__(self, known_sites: Set[str] = frozenset()) -> None:
        self._known_sites = known_sites
        self._unanswered: OrderedDict[str, int] = (
            OrderedDict()
        )  # by recipient, attempts since the last answer
        self._pools = {standing: asyncio.Semaphore(count) for standing, count in MAX_ATTEMPTS.items()}
        self._turns: WeakValueDictionary[tuple[Standing, str], asyncio.Semaphore] = WeakValueDictionary()

    def standing(self, recipient: str, site: str) -> Standing:
        """Return what is known of a recipient of this site."""
        if site in self._known_sites:
            return Standing.KNOWN
        unanswered = self._unanswered.get(recipient)
        if unanswered is None:
            return Standing.NEW
        return Standing.ANSWERED if unanswered < MAX_UNANSWERED else Standing.SILENT

    def record(self, recipient: str, has_answered: bool) -> None:
        """Record whether a recipient answered an attempt; a new one that did not is silent."""
        self._unanswered[recipient] = (
            0 if has_answered else self._unanswered.get(recipient, MAX_UNANSWERED) + 1
        )
        self._unanswered.move_to_end(recipient)
        if len(self._unanswered) > MAX_REMEMBERED:
            self._unanswered.popitem(last=False)

    @contextlib.asynccontextmanager
    async def slot(self, recipient: str, site: str) -> AsyncIterator[None]:
        """Wait until an attempt may be made, and count it for the block."""
        async with contextlib.AsyncExitStack() as held:
            standing = self.standing(recipient, site)
            if standing in UNPROVEN:
                turns = self._turns.setdefault((standing, site), asyncio.Semaphore(MAX_ATTEMPTS_PER_SITE))
                await held.enter_async_context(turns)
                standing = self.standing(recipient, site)
                if standing not in UNPROVEN:  # so the others need not wait for this attempt
                    await held.pop_all().aclose()
            await held.enter_async_context(self._pools[standing])
            yield
