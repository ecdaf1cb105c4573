"""The words of the docs page that are not in the OpenAPI document, in both languages."""

from ingress.texts import Text

#: Paths that do the same as others: the other call, and its operation.
ALIASES: dict[str, tuple[str, str]] = {
    "/catalogo": ("GET /v1/restaurants/{restaurant_id}/menu", "getMenu"),
    "/pedidos": ("POST /v1/orders", "placeOrder"),
}

WORDS: dict[str, Text] = {
    "title": Text("a API", "the API"),
    "skip": Text("Ir para o conteúdo", "Skip to content"),
    "machine": Text("Para programas:", "For programs:"),
    "contents": Text("Conteúdo", "Contents"),
    "variables": Text(
        "Os exemplos leem do ambiente o endereço (`PROMO_URL`), os tokens (`PROMO_ADMIN_TOKEN`, `RESTAURANT_TOKEN`, "
        "`ORDER_TOKEN`) e o pedido (`ORDER_ID`). Toda operação aceita `Accept-Language: pt-BR` ou `en`.",
        "The examples read the address (`PROMO_URL`), the tokens (`PROMO_ADMIN_TOKEN`, `RESTAURANT_TOKEN`, "
        "`ORDER_TOKEN`) and the order (`ORDER_ID`) from the environment. Every operation takes `Accept-Language: "
        "pt-BR` or `en`.",
    ),
    "same": Text("O mesmo que", "The same as"),
    "token": Text("Token:", "Token:"),
    "or": Text("ou", "or"),
    "adminToken": Text("de quem administra", "the administrator's"),
    "restaurantToken": Text("do restaurante", "the restaurant's"),
    "orderToken": Text("do pedido", "the order's"),
    "parameters": Text("Parâmetros", "Parameters"),
    "body": Text("Corpo:", "Body:"),
    "answers": Text("Respostas", "Answers"),
    "example": Text("Exemplo de resposta", "Example of an answer"),
    "schemas": Text("Esquemas", "Schemas"),
    "name": Text("Nome", "Name"),
    "where": Text("Onde", "Where"),
    "type": Text("Tipo", "Type"),
    "meaning": Text("Significado", "Meaning"),
    "status": Text("Status", "Status"),
    "content": Text("Conteúdo", "Content"),
    "required": Text("obrigatório", "required"),
    "path": Text("caminho", "path"),
    "query": Text("consulta", "query"),
    "header": Text("cabeçalho", "header"),
    "list": Text("lista de", "list of"),
    "client": Text("O cliente envia:", "The client sends:"),
    "server": Text("O servidor envia:", "The server sends:"),
}

PARAMETERS: dict[str, Text] = {
    "limit": Text("Quantos por página.", "How many on a page."),
    "cursor": Text("O `next_cursor` da página anterior.", "The `next_cursor` of the page before."),
    "promo": Text("Só o que está em promoção agora.", "Only what is in a promotion now."),
    "available": Text("Só o que não está esgotado.", "Only what is not sold out."),
    "category": Text("Só desta categoria.", "Only of this category."),
    "q": Text(
        "Palavras do nome ou da descrição, sem acentos.", "Words of name or description, without accents."
    ),
    "min_price": Text("Preço de agora, em centavos, no mínimo.", "Least price as of now, in centavos."),
    "max_price": Text("Preço de agora, em centavos, no máximo.", "Greatest price as of now, in centavos."),
    "sort": Text("Ordem; sem ela, a do `sku`.", "Order; without it, that of the `sku`."),
    "restaurant_id": Text("O restaurante.", "The restaurant."),
    "order_id": Text("O pedido.", "The order."),
    "sku": Text("O item.", "The item."),
    "promotion_id": Text("A promoção.", "The promotion."),
    "slug": Text("O fim do `type` do problema.", "The end of the problem's `type`."),
}
