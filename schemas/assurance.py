"""How well it is known who a customer is: not at all, by a device that has kept its token, or by a phone number."""

from typing import Final, Literal

Assurance = Literal["none", "device", "phone"]
#: What an identity has: a client without one is known by address only.
ProvedAssurance = Literal["device", "phone"]

_RANKS: Final[dict[Assurance, int]] = {"none": 0, "device": 1, "phone": 2}


def is_enough(given: Assurance, required: Assurance) -> bool:
    """Return True if who has proved `given` may have what asks for `required`."""
    return _RANKS[given] >= _RANKS[required]


def highest(*assurances: Assurance) -> Assurance:
    """Return the one of these that asks for more than the others; there must be one."""
    return max(assurances, key=_RANKS.__getitem__)
