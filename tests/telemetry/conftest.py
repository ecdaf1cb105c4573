"""The application over fakes, as the tests of ingress have it."""

from tests.ingress.conftest import client, keyring, log, settings, views  # noqa: F401
