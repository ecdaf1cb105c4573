"""Every text that a client may read, in both languages: problems by slug, faults by code."""

from typing import Literal

from msgspec import Struct

Language = Literal["pt-BR", "en"]


class Text(Struct, frozen=True):
    """One text in both languages."""

    pt: str
    en: str

    def of(self, language: Language) -> str:
        """Return the text in this language."""
        return self.pt if language == "pt-BR" else self.en


class ProblemText(Struct, frozen=True):
    """A kind of problem: its status, and what it says."""

    status: int
    title: Text
    detail: Text


def _problem(status: int, pt: tuple[str, str], en: tuple[str, str]) -> ProblemText:
    return ProblemText(status, Text(pt[0], en[0]), Text(pt[1], en[1]))


PROBLEMS: dict[str, ProblemText] = {
    "invalid-request": _problem(
        400,
        ("Requisição inválida", "Corrija o que está listado em `errors` e envie de novo."),
        ("Invalid request", "Correct what `errors` lists and send it again."),
    ),
    "idempotency-key-missing": _problem(
        400,
        (
            "Falta a chave de idempotência",
            "Envie o cabeçalho Idempotency-Key, com um valor novo para cada pedido.",
        ),
        ("Idempotency key missing", "Send the Idempotency-Key header, with a new value for each order."),
    ),
    "customer-required": _problem(
        400,
        ("Cliente não identificado", "A promoção tem limite por cliente: envie `customer.id`."),
        ("Customer required", "The promotion has a limit per customer: send `customer.id`."),
    ),
    "unauthorized": _problem(
        401,
        ("Não autenticado", "Envie `Authorization: Bearer` com o token."),
        ("Unauthorized", "Send `Authorization: Bearer` with the token."),
    ),
    "payment-declined": _problem(
        402,
        (
            "Pagamento não autorizado",
            "O pagamento não foi autorizado, ou não a tempo; `reason` diz qual. Nada fica cobrado nem reservado.",
        ),
        (
            "Payment declined",
            "The payment was not authorised, or not in time; `reason` says which. Nothing stays charged or reserved.",
        ),
    ),
    "forbidden": _problem(
        403,
        ("Acesso negado", "O token enviado não dá acesso a este recurso."),
        ("Forbidden", "The token that was sent does not give access to this resource."),
    ),
    "unknown-restaurant": _problem(
        404,
        ("Restaurante desconhecido", "Não há restaurante com este identificador."),
        ("Unknown restaurant", "There is no restaurant with this identifier."),
    ),
    "unknown-item": _problem(
        404,
        ("Item desconhecido", "O cardápio do restaurante não tem os itens listados em `skus`."),
        ("Unknown item", "The restaurant's menu does not have the items that `skus` lists."),
    ),
    "unknown-order": _problem(
        404,
        ("Pedido desconhecido", "Não há pedido com este identificador."),
        ("Unknown order", "There is no order with this identifier."),
    ),
    "not-found": _problem(
        404,
        ("Não encontrado", "Não há nada neste endereço."),
        ("Not found", "There is nothing at this address."),
    ),
    "method-not-allowed": _problem(
        405,
        ("Método não permitido", "Este endereço aceita só os métodos listados no cabeçalho Allow."),
        ("Method not allowed", "This address accepts only the methods that the Allow header lists."),
    ),
    "request-timeout": _problem(
        408,
        (
            "Requisição lenta demais",
            "O corpo da requisição não chegou a tempo. Envie de novo, com a mesma chave.",
        ),
        (
            "Request timeout",
            "The body of the request did not come in time. Send it again, with the same key.",
        ),
    ),
    "out-of-stock": _problem(
        409,
        ("Esgotado", "Não há porções suficientes; `items` diz quantas restam. Nada foi reservado."),
        ("Out of stock", "There are not enough portions; `items` says what is left. Nothing was reserved."),
    ),
    "price-changed": _problem(
        409,
        ("O preço mudou", "O preço não é o esperado; `items` traz o atual. Nada foi reservado."),
        (
            "Price changed",
            "The price is not the expected one; `items` has the current one. Nothing was reserved.",
        ),
    ),
    "promotion-closed": _problem(
        409,
        (
            "Promoção encerrada",
            "A promoção dos itens listados em `skus` não está aberta. Nada foi reservado.",
        ),
        (
            "Promotion closed",
            "The promotion of the items that `skus` lists is not open. Nothing was reserved.",
        ),
    ),
    "limit-reached": _problem(
        409,
        ("Limite por cliente atingido", "O pedido passa do limite por cliente dos itens listados em `skus`."),
        ("Limit reached", "The order goes past the limit per customer of the items that `skus` lists."),
    ),
    "too-late": _problem(
        409,
        (
            "Tarde demais",
            "O pedido já está em preparo ou além, como diz `order_status`, e não pode ser cancelado.",
        ),
        (
            "Too late",
            "The order is being prepared or beyond, as `order_status` says, and cannot be cancelled.",
        ),
    ),
    "invalid-transition": _problem(
        409,
        (
            "Mudança de status inválida",
            "O pedido está em `order_status` e não pode passar para o que foi enviado.",
        ),
        ("Invalid transition", "The order is in `order_status` and cannot go to what was sent."),
    ),
    "payload-too-large": _problem(
        413,
        ("Corpo grande demais", "O corpo da requisição pode ter até 64 KiB."),
        ("Payload too large", "The body of the request may have up to 64 KiB."),
    ),
    "malformed-message": _problem(
        400,
        ("Mensagem HTTP malformada", "O que foi enviado não é uma requisição HTTP/1.1 que se possa ler."),
        ("Malformed message", "What was sent is no HTTP/1.1 request that can be read."),
    ),
    "header-fields-too-large": _problem(
        431,
        (
            "Endereço ou cabeçalhos grandes demais",
            "O endereço e cada cabeçalho podem ter até 8190 bytes, e os cabeçalhos podem ser até 128.",
        ),
        (
            "Address or header fields too large",
            "The address and each header may have up to 8190 bytes, and there may be up to 128 headers.",
        ),
    ),
    "unsupported-media-type": _problem(
        415,
        ("Tipo de conteúdo não aceito", "Envie o corpo como application/json."),
        ("Unsupported media type", "Send the body as application/json."),
    ),
    "idempotency-key-reused": _problem(
        422,
        ("Chave de idempotência repetida", "Esta chave já foi usada com outro corpo. Use uma chave nova."),
        ("Idempotency key reused", "This key was used before with another body. Use a new key."),
    ),
    "upgrade-required": _problem(
        426,
        ("Só por WebSocket", "Abra este endereço como WebSocket; o estado atual está em `dashboard`."),
        ("WebSocket only", "Open this address as a WebSocket; the present state is at `dashboard`."),
    ),
    "too-many-requests": _problem(
        429,
        ("Requisições demais", "Você passou do seu limite. Tente de novo após o tempo de Retry-After."),
        ("Too many requests", "You went past your limit. Try again after the time in Retry-After."),
    ),
    "internal-error": _problem(
        500,
        ("Erro interno", "Algo falhou do nosso lado. Tente de novo com a mesma chave."),
        ("Internal error", "Something failed on our side. Try again with the same key."),
    ),
    "overloaded": _problem(
        503,
        ("Sobrecarregado", "Há pedidos demais em andamento. Tente de novo após o tempo de Retry-After."),
        ("Overloaded", "Too many orders are under way. Try again after the time in Retry-After."),
    ),
    "unavailable": _problem(
        503,
        (
            "Indisponível",
            "Uma parte do serviço não responde. Tente de novo, com a mesma chave, após o Retry-After.",
        ),
        (
            "Unavailable",
            "A part of the service does not answer. Try again, with the same key, after Retry-After.",
        ),
    ),
}

FAULTS: dict[str, Text] = {
    "malformed": Text("não é JSON válido em UTF-8", "is not valid JSON in UTF-8"),
    "repeated": Text("campo repetido", "field given more than once"),
    "unknown": Text("campo desconhecido", "unknown field"),
    "required": Text("campo obrigatório", "field required"),
    "type": Text("deve ser do tipo {expected}", "must be of type {expected}"),
    "enum": Text("deve ser um de: {expected}", "must be one of: {expected}"),
    "minLength": Text(
        "deve ter ao menos {expected} caractere(s)", "must have at least {expected} character(s)"
    ),
    "maxLength": Text("deve ter no máximo {expected} caracteres", "must have at most {expected} characters"),
    "minItems": Text("deve ter ao menos {expected} elemento(s)", "must have at least {expected} element(s)"),
    "maxItems": Text("deve ter no máximo {expected} elementos", "must have at most {expected} elements"),
    "minimum": Text("deve ser no mínimo {expected}", "must be at least {expected}"),
    "maximum": Text("deve ser no máximo {expected}", "must be at most {expected}"),
    "pattern": Text("deve seguir o padrão {expected}", "must match the pattern {expected}"),
    "format": Text("deve ter o formato {expected}", "must have the format {expected}"),
    "invalid": Text("valor inválido", "invalid value"),
    "ends-after-starts": Text("deve ser depois de starts_at", "must be after starts_at"),
    "instant": Text("deve estar entre os anos 1970 e 9998", "must lie between the years 1970 and 9998"),
    "repeated-sku": Text("o mesmo sku aparece mais de uma vez", "the same sku appears more than once"),
    "visible-ascii": Text(
        "deve ter de 1 a 255 caracteres ASCII visíveis", "must have 1 to 255 visible ASCII characters"
    ),
    "repeated-header": Text("cabeçalho enviado mais de uma vez", "header sent more than once"),
    "web-address": Text("deve ser um endereço da web", "must be a web address"),
    "web-address-secrets": Text(
        "não pode ter usuário, senha nem fragmento", "must have neither user, password nor fragment"
    ),
    "web-address-https": Text("deve começar com https://", "must begin with https://"),
    "web-address-port": Text("a porta deve ser uma de: {expected}", "the port must be one of: {expected}"),
    "web-address-name": Text(
        "deve ter um nome de domínio público, não um endereço IP",
        "must have a public domain name, not an IP address",
    ),
    "push-key": Text("não é uma chave pública P-256", "is no P-256 public key"),
    "cursor": Text("não é um cursor desta consulta", "is not a cursor of this query"),
}
