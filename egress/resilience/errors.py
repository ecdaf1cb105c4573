"""The ways in which a call of another system fails, and how HTTP statuses tell them apart."""

from typing import Literal

#: Statuses below 500 that say nothing about the request itself: it came too slowly, too early or too often.
RETRYABLE_STATUSES = frozenset({408, 425, 429})


class TransientError(Exception):
    """The other system did not answer as it should, and may or may not have acted: repeat the call.

    Args:
        status: the HTTP status of the answer; None: there was no answer.
        retry_after: how long the other system asks callers to wait, in seconds.
    """

    def __init__(self, message: str, status: int | None = None, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


#: Why another system lets none of our calls in.
AccessCause = Literal["credentials", "permission", "address"]

#: Statuses that blame our credentials, what they may do, or the address that we call.
ACCESS_CAUSES: dict[int, AccessCause] = {
    401: "credentials",
    403: "permission",
    **dict.fromkeys((301, 302, 307, 308, 404, 410), "address"),
}


class AccessError(TransientError):
    """The other system works, but our settings do not lead into it: every call fails until a person changes them.

    The fault is ours and no call's, so calls are repeated, and a circuit opens at once.

    Args:
        cause: what the other system rejects.
    """

    def __init__(self, message: str, cause: AccessCause, status: int | None = None) -> None:
        super().__init__(message, status)
        self.cause: AccessCause = cause


class PermanentError(Exception):
    """The other system works, and its answer would be the same again: do not repeat the call.

    Args:
        status: the HTTP status of the answer; None: there was no HTTP call.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def is_retryable(status: int) -> bool:
    """Return True if a call that was answered with this HTTP status, which is no success, may succeed later."""
    return status >= 500 or status in RETRYABLE_STATUSES
