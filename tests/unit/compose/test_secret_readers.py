"""Each process gets the secrets that it reads, and no other, whatever its parent has."""

from pathlib import Path

import pytest

from compose import subprocesses
from compose.secret_readers import READERS
from compose.supervisor.scaling_bounds import ROLES
from compose.supervisor.services import role_service
from compose.supervisor.stack import SECRETS
from schemas import settings
from schemas.settings import Settings

EVERY_SECRET = {name: f"value of {name}" for name in READERS}


def test_every_secret_has_readers() -> None:
    """A secret that is new is given to no process until the table says to which."""
    assert {f"PROMO_{name.upper()}" for name in SECRETS} == READERS.keys()
    assert READERS.keys() <= {name for name, _, _ in settings.describe()}


@pytest.mark.parametrize("role", ROLES)
def test_process_gets_what_it_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, role: str) -> None:
    """Also if the shell that ran `make up` has exported all of them."""
    for name, value in EVERY_SECRET.items():
        monkeypatch.setenv(name, value)
    service = role_service(role, 1, 18100, Settings(), tmp_path, EVERY_SECRET)
    environment = subprocesses.child_environment(service.environment, without=READERS)
    assert {name for name in READERS if name in environment} == {
        name for name, roles in READERS.items() if role in roles
    }
