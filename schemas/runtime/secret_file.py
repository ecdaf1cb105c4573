"""A secret whose value is a setting, or the content of a file that is read again when it has changed.

So a rotation needs no restart: an operator, or Kubernetes, replaces the file.
"""

import os
from pathlib import Path

from schemas.setting_types import is_token
from schemas.settings import SettingError, Settings

#: Bytes of the file that are read; a token is far shorter.
MAX_BYTES = 64 * 1024

#: By which a changed file is recognised: inode, size, and time of the last change in nanoseconds.
FileVersion = tuple[int, int, int]


class SecretFile:
    """One secret.

    Args:
        value: the secret itself.
        path: of the file whose content is the secret; empty: `value` is it.
    """

    def __init__(self, value: str, path: str) -> None:
        self._value = value
        self._path = Path(path) if path else None
        self._version: FileVersion | None = None

    def current(self) -> str:
        """Return the secret, of a file its newest content; empty: there is none.

        A file that is unreadable or half written leaves the last good secret. Raises OSError, ValueError while there
        was none; the message has the file's name and never its content.
        """
        if self._path is None:
            return self._value
        try:
            self._read(self._path)
        except (OSError, ValueError):
            if not self._value:
                raise
        return self._value

    def refresh(self) -> str:
        """Read the file again, whether it seems to have changed or not, and return as `current` does."""
        self._version = None
        return self.current()

    def _read(self, path: Path) -> None:
        version = file_version(path)
        if version == self._version:
            return
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode(errors="replace").strip()
        if not is_token(text):
            raise ValueError(
                f"{path} holds no token: expected one line of printable characters without spaces"
            )
        self._value, self._version = text, version


def file_version(path: Path) -> FileVersion:
    """Return what changes whenever the file does; raises OSError."""
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns


def provider_token(settings: Settings) -> SecretFile:
    """Return the bearer token for the payment provider; raises SettingError if its file has none."""
    token = SecretFile(settings.provider_token, settings.provider_token_file)
    try:
        token.current()
    except (OSError, ValueError) as error:
        raise SettingError(f"PROMO_PROVIDER_TOKEN_FILE: {error}") from error
    return token
