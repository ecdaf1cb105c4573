"""Headers that carry meaning, in requests and in answers."""

from typing import Any

from msgspec import Struct

from ingress.texts import Text


class Header(Struct, frozen=True):
    """A header: its schema, what it means, and whether a request must have it."""

    schema: dict[str, Any]
    means: Text
    required: bool = False
    example: str = ""


_TEXT: dict[str, Any] = {"type": "string"}

HEADERS: dict[str, Header] = {
    "Idempotency-Key": Header(
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!-~]+$"},
        Text(
            "Um valor novo para cada pedido, o mesmo em cada nova tentativa; 1 a 255 caracteres ASCII visíveis. "
            "Vale por restaurante, por 24 horas ao menos.",
            "A new value for each order, the same for each new attempt; 1 to 255 visible ASCII characters. "
            "Scoped to a restaurant, kept for at least 24 hours.",
        ),
        required=True,
        example="5d0c7b0e-9f3d-4a44-9a52-0a9b6a4a6f7e",
    ),
    "Prefer": Header(
        _TEXT,
        Text(
            "`wait=N`: espere a decisão por até N segundos (30 no máximo); `respond-async`: não espere.",
            "`wait=N`: wait for the decision for up to N seconds (30 at most); `respond-async`: do not wait.",
        ),
        example="wait=5",
    ),
    "If-None-Match": Header(
        _TEXT,
        Text(
            "O ETag da página que você já tem: 304 se nada mudou.",
            "The ETag of the page you have: 304 if nothing changed.",
        ),
        example='W/"0f1e2d3c4b5a69788796a5b4"',
    ),
    "Last-Event-ID": Header(
        _TEXT,
        Text(
            "O último evento que você recebeu: só vêm os seguintes.",
            "The last event you received: only later ones come.",
        ),
        example="2",
    ),
    "ETag": Header(
        _TEXT,
        Text("Nome do conteúdo, sem a idade dele.", "Names the content, without its age."),
        example='W/"0f1e2d3c4b5a69788796a5b4"',
    ),
    "Cache-Control": Header(
        _TEXT,
        Text(
            "Por quanto tempo um cache pode guardar a resposta.", "For how long a cache may keep the answer."
        ),
        example="public, max-age=0, s-maxage=1, stale-while-revalidate=1",
    ),
    "Location": Header(
        _TEXT, Text("Onde o pedido é consultado.", "Where the order is looked up."), example="/v1/orders/o_1"
    ),
    "Idempotency-Replayed": Header(
        {"type": "string", "enum": ["true"]},
        Text(
            "Presente quando a resposta é a que já foi dada a esta chave.",
            "Present when the answer is the one that was given to this key before.",
        ),
        example="true",
    ),
    "Retry-After": Header(
        {"type": "string", "pattern": "^[0-9]+$"},
        Text("Segundos até a próxima tentativa.", "Seconds until the next attempt."),
        example="2",
    ),
    "Content-Language": Header(
        {"type": "string", "enum": ["pt-BR", "en"]},
        Text("A língua dos textos.", "The language of the texts."),
        example="pt-BR",
    ),
    "Accept-Language": Header(
        _TEXT,
        Text("A língua dos textos: pt-BR ou en.", "The language of texts: pt-BR or en."),
        example="pt-BR",
    ),
}
