"""Secrets of the local stack: which are made, and which role gets which."""

from pathlib import Path

import pytest

from compose.supervisor import services
from compose.supervisor.scaling_bounds import ROLES
from compose.supervisor.stack import Stack
from compose.supervisor.stack_state import StackDir
from schemas.settings import Settings

TOKEN = "PROMO_PROVIDER_TOKEN"


def secrets_of(settings: Settings, data: Path) -> dict[str, str]:
    return Stack(settings, StackDir(data), data, lambda kind, text: None, "up").secrets


def test_egress_and_the_provider_get_the_same_token(tmp_path: Path) -> None:
    """No other role gets it."""
    made = secrets_of(Settings(), tmp_path)
    given = {
        role: services.role_service(role, 1, 18_100, Settings(), tmp_path, made).environment.get(TOKEN)
        for role in ROLES
    }
    token = (tmp_path / "provider-token").read_text().strip()
    assert token and given == dict.fromkeys(ROLES) | {"egress": token, "payments": token}


@pytest.mark.parametrize(
    "settings",
    [
        Settings(provider_url="https://payments.example"),
        Settings(provider_token_file="/secrets/token"),
    ],
    ids=["another provider", "a token's file"],
)
def test_no_token_is_made_where_it_would_be_wrong(settings: Settings, tmp_path: Path) -> None:
    """Another provider does not know it; a file has its own."""
    assert TOKEN not in secrets_of(settings, tmp_path) and not (tmp_path / "provider-token").exists()
