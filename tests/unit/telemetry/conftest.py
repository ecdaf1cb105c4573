"""The application over fakes, as the tests of ingress have it."""

from tests.unit.ingress.conftest import client, fast_path, keyring, log, settings, views  # noqa: F401
