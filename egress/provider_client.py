"""HTTP to the payment provider: with our credentials, within a time and a size, and with errors by whose fault it is."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import aiohttp
import msgspec

from egress.resilience.errors import ACCESS_CAUSES, AccessError, PermanentError, TransientError, is_retryable
from schemas.runtime.secret_file import SecretFile

#: Characters of an answer that an error quotes.
MAX_QUOTED_CHARACTERS = 200


class ProviderClient:
    """Calls the provider at one URL; its bearer token may change while we run."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        token: SecretFile,
        timeout_seconds: float,
        max_answer_bytes: int,
    ) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._token = token
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._max_answer_bytes = max_answer_bytes

    async def get(self, path: str, query: Mapping[str, str]) -> bytes:
        """Return the body of a 200; raises TransientError, PermanentError."""
        return await self._call(_Request("GET", path, query, None, {}))

    async def post(self, path: str, body: object, headers: Mapping[str, str]) -> bytes:
        """Send a JSON body and return that of a 200; raises TransientError, PermanentError."""
        headers = {"Content-Type": "application/json", **headers}
        return await self._call(_Request("POST", path, {}, msgspec.json.encode(body), headers))

    async def _call(self, request: "_Request") -> bytes:
        """Call once, and after a 401 once more if the token is another by now."""
        token = _read(self._token.current)
        status, answer = await self._send(request, token)
        if status == 401 and (newer := _read(self._token.refresh)) != token:
            token = newer
            status, answer = await self._send(request, token)
        if status == 200:
            return answer
        text = answer.decode(errors="replace")
        message = f"{status}: {(text.replace(token, '***') if token else text)[:MAX_QUOTED_CHARACTERS]}"
        if (cause := ACCESS_CAUSES.get(status)) is not None:
            raise AccessError(message, cause, status)
        if is_retryable(status):
            raise TransientError(message, status)
        raise PermanentError(message, status)

    async def _send(self, request: "_Request", token: str) -> tuple[int, bytes]:
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with self._session.request(
                request.method,
                self._url + request.path,
                params=request.query,
                data=request.body,
                headers={**authorization, **request.headers},
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                return response.status, await self._read_answer(response)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise TransientError(f"{type(error).__name__}: {error}") from error

    async def _read_answer(self, response: aiohttp.ClientResponse) -> bytes:
        """Return the body, cut where it is too long: then it cannot be decoded."""
        answer = bytearray()
        while len(answer) < self._max_answer_bytes and (
            chunk := await response.content.read(self._max_answer_bytes - len(answer))
        ):
            answer += chunk
        return bytes(answer)


class _Request(NamedTuple):
    method: str
    path: str
    query: Mapping[str, str]
    body: bytes | None
    headers: Mapping[str, str]


def _read(secret: Callable[[], str]) -> str:
    try:
        return secret()
    except (OSError, ValueError) as error:
        raise AccessError(f"PROMO_PROVIDER_TOKEN_FILE: {error}", "credentials") from error
