"""The simulated provider, as the tests of payments have it."""

from tests.unit.payments.conftest import client, provider, session  # noqa: F401
