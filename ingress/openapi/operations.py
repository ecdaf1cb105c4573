"""The table of operations: everything that HTTP clients may rely on."""

from typing import Any

from ingress import (
    answers,
    bodies,
    changing,
    menu_page,
    offered,
    operating,
    order_page,
    restaurants_page,
    subscribing,
)
from ingress.live import board, first_word, order_stream
from ingress.openapi import examples, live
from ingress.openapi.operation import Answer, Operation
from ingress.texts import Text

RESTAURANT_PATH = "/v1/restaurants/{restaurant_id}"
ORDER_PATH = "/v1/orders/{order_id}"

#: Groups of operations, in the order in which they are shown.
TAGS: dict[str, Text] = {
    "menus": Text("Cardápios", "Menus"),
    "orders": Text("Pedidos", "Orders"),
    "offers": Text("O que se oferece", "What is offered"),
    "board": Text("Painel do restaurante", "The restaurant's board"),
    "operating": Text("Operação", "Operating"),
}


class CatalogoQuery(menu_page.MenuQuery, frozen=True, kw_only=True):
    """What of which menu is asked for."""

    restaurant_id: str


_PAGE_HEADERS = ("ETag", "Cache-Control")
_PAGE_PROBLEMS = ("invalid-request", "unavailable")
_NOT_MODIFIED = Answer(
    304,
    Text("Nada mudou desde o ETag enviado.", "Nothing has changed since the ETag that was sent."),
    headers=_PAGE_HEADERS,
)
_MENU_ANSWERS = (
    Answer(
        200,
        Text("Uma página do cardápio.", "A page of the menu."),
        menu_page.MenuPage,
        examples.MENU,
        _PAGE_HEADERS,
    ),
    _NOT_MODIFIED,
)
_MENU_SUMMARY = Text("Ver o cardápio", "Look at the menu")
_MENU_DESCRIPTION = Text(
    "Preços de agora, com as promoções abertas, e o que resta. Quando a visão tem mais de 3 s, `degraded` é "
    "`true`, `count` é `null`, e o que não está certamente esgotado é `limited`.",
    "Prices as of now, with open promotions, and what is left. When the view is more than 3 s behind, `degraded` "
    "is `true`, `count` is `null`, and what is not surely sold out is `limited`.",
)
_PLACE_SUMMARY = Text("Fazer um pedido", "Place an order")
_PLACE_DESCRIPTION = Text(
    "Reserva todas as porções ou nenhuma. A mesma chave com o mesmo corpo dá a mesma resposta, com "
    "`Idempotency-Replayed: true`; tente de novo com ela quantas vezes for preciso.",
    "Reserves every portion or none. The same key with the same body gives the same answer, with "
    "`Idempotency-Replayed: true`; try again with it as often as it takes.",
)
_PLACE_ANSWERS = (
    Answer(
        201,
        Text("Confirmado. `token` abre o pedido.", "Confirmed. `token` opens the order."),
        answers.Confirmed,
        examples.CONFIRMED,
        ("Location", "Idempotency-Replayed"),
    ),
    Answer(
        202,
        Text("Aceito; ainda não decidido dentro da espera.", "Accepted; not decided within the wait."),
        answers.Pending,
        examples.PENDING,
        ("Location",),
    ),
)
_PLACE_PROBLEMS = (
    "idempotency-key-missing",
    "customer-required",
    "payment-declined",
    "unknown-restaurant",
    "unknown-item",
    "out-of-stock",
    "price-changed",
    "promotion-closed",
    "limit-reached",
    "idempotency-key-reused",
    "too-many-requests",
    "overloaded",
    "unavailable",
)
_CHANGE_ANSWERS = (
    Answer(
        200,
        Text("O pedido, como ficou.", "The order, as it is now."),
        order_page.OrderPage,
        examples.CHANGED_ORDER,
        ("Content-Language", "Idempotency-Replayed"),
    ),
    Answer(
        202,
        Text("Aceito; o pedido como se conhece.", "Accepted; the order as it is known."),
        order_page.OrderPage,
        examples.CHANGED_ORDER,
        ("Content-Language", "Location"),
    ),
)
_PUT_PROBLEMS = ("overloaded", "unavailable")


def _put_answers(body: type[offered.Offered], example: dict[str, object]) -> tuple[Answer, Answer, Answer]:
    pending = {name: value for name, value in example.items() if name != "version"} | {"status": "pending"}
    return (
        Answer(200, Text("Substituído.", "Replaced."), body, example),
        Answer(201, Text("Criado.", "Created."), body, example),
        Answer(202, Text("Aceito; ainda não decidido.", "Accepted; not decided yet."), body, pending),
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/v1/restaurants",
        id="listRestaurants",
        tag="menus",
        summary=Text("Listar restaurantes", "List restaurants"),
        description=Text(
            "Em páginas; `promo=true` mostra só os que têm promoção aberta.",
            "In pages; `promo=true` shows only those with an open promotion.",
        ),
        query=restaurants_page.RestaurantsQuery,
        query_example={"promo": "true"},
        headers=("If-None-Match",),
        answers=(
            Answer(
                200,
                Text("Uma página de restaurantes.", "A page of restaurants."),
                restaurants_page.RestaurantsPage,
                examples.RESTAURANTS,
                _PAGE_HEADERS,
            ),
            _NOT_MODIFIED,
        ),
        problems=_PAGE_PROBLEMS,
    ),
    Operation(
        method="GET",
        path=RESTAURANT_PATH + "/menu",
        id="getMenu",
        tag="menus",
        summary=_MENU_SUMMARY,
        description=_MENU_DESCRIPTION,
        query=menu_page.MenuQuery,
        query_example={"available": "true", "sort": "price"},
        headers=("If-None-Match",),
        answers=_MENU_ANSWERS,
        problems=("unknown-restaurant", *_PAGE_PROBLEMS),
    ),
    Operation(
        method="GET",
        path="/catalogo",
        id="getCatalogo",
        tag="menus",
        summary=_MENU_SUMMARY,
        description=_MENU_DESCRIPTION,
        query=CatalogoQuery,
        query_example={"restaurant_id": "r1"},
        headers=("If-None-Match",),
        answers=_MENU_ANSWERS,
        problems=("unknown-restaurant", *_PAGE_PROBLEMS),
    ),
    *(
        Operation(
            method="POST",
            path=path,
            id=name,
            tag="orders",
            summary=_PLACE_SUMMARY,
            description=_PLACE_DESCRIPTION,
            headers=("Idempotency-Key", "Prefer"),
            body=bodies.OrderBody,
            example=examples.ORDER,
            answers=_PLACE_ANSWERS,
            problems=_PLACE_PROBLEMS,
        )
        for path, name in (("/v1/orders", "placeOrder"), ("/pedidos", "placePedido"))
    ),
    Operation(
        method="GET",
        path=ORDER_PATH,
        id="getOrder",
        tag="orders",
        summary=Text("Consultar um pedido", "Look at an order"),
        description=Text(
            "Itens, total, status com a história, previsão, estorno. `pending` enquanto não está decidido.",
            "Items, total, status with its history, ETA, refund. `pending` while it is not decided.",
        ),
        answers=(
            Answer(
                200,
                Text("O pedido.", "The order."),
                (order_page.OrderPage, order_page.UndecidedOrder),
                examples.ORDER_PAGE,
                ("Content-Language",),
            ),
        ),
        problems=("unknown-order", "unavailable"),
        tokens=("order", "restaurant"),
    ),
    Operation(
        method="GET",
        path=ORDER_PATH + "/events",
        id="followOrder",
        tag="orders",
        summary=Text("Seguir um pedido", "Follow an order"),
        description=Text(
            "Server-Sent Events: cada mudança de status, da primeira em diante, em ordem, nenhuma duas vezes; "
            "termina depois de um status final. `Last-Event-ID` continua de onde parou.",
            "Server-Sent Events: every change of status, from the first, in order, none twice; ends after a final "
            "status. `Last-Event-ID` goes on from where it stopped.",
        ),
        headers=("Last-Event-ID",),
        answers=(
            Answer(
                200,
                Text(
                    "Um evento por mudança; `data` é StatusEvent.",
                    "An event a change; `data` is StatusEvent.",
                ),
                order_stream.StatusEvent,
                examples.EVENTS,
                media_type="text/event-stream",
            ),
        ),
        problems=("unknown-order", "too-many-requests", "unavailable"),
        tokens=("order", "restaurant"),
    ),
    Operation(
        method="POST",
        path=ORDER_PATH + "/cancel",
        id="cancelOrder",
        tag="orders",
        summary=Text("Cancelar um pedido", "Cancel an order"),
        description=Text(
            "Até começar o preparo; o que foi pago é estornado uma vez. Sem corpo, ou um objeto vazio.",
            "Until it is being prepared; what was paid goes back once. No body, or an empty object.",
        ),
        headers=("Idempotency-Key", "Prefer"),
        body=changing.CancelBody,
        body_required=False,
        example={},
        answers=_CHANGE_ANSWERS,
        problems=(
            "idempotency-key-missing",
            "unknown-order",
            "too-late",
            "idempotency-key-reused",
            "overloaded",
            "unavailable",
        ),
        tokens=("order", "restaurant"),
    ),
    Operation(
        method="POST",
        path=ORDER_PATH + "/status",
        id="advanceOrder",
        tag="board",
        summary=Text("Avançar um pedido", "Move an order on"),
        description=Text(
            "De `received` para `preparing`, `out_for_delivery`, `delivered`. Pedir duas vezes não faz mal.",
            "From `received` to `preparing`, `out_for_delivery`, `delivered`. Asking twice does no harm.",
        ),
        headers=("Prefer",),
        body=changing.StatusBody,
        example={"status": "preparing"},
        answers=_CHANGE_ANSWERS,
        problems=("unknown-order", "invalid-transition", "overloaded", "unavailable"),
        tokens=("restaurant",),
    ),
    Operation(
        method="POST",
        path=ORDER_PATH + "/push",
        id="subscribeToOrder",
        tag="orders",
        summary=Text("Receber avisos de um pedido", "Be told of an order by Web Push"),
        description=Text(
            "O corpo é o que `PushSubscription.toJSON()` dá. O navegador recebe cada mudança de status, cifrada.",
            "The body is what `PushSubscription.toJSON()` gives. The browser is told each status, encrypted.",
        ),
        body=bodies.SubscriptionBody,
        example=examples.SUBSCRIPTION,
        answers=(
            Answer(
                201,
                Text("Este navegador será avisado.", "This browser will be told."),
                subscribing.Subscribed,
                examples.SUBSCRIBED,
            ),
        ),
        problems=("unknown-order", "not-found", "unavailable"),
        tokens=("order",),
    ),
    Operation(
        method="DELETE",
        path=ORDER_PATH + "/push",
        id="unsubscribeFromOrder",
        tag="orders",
        summary=Text("Não receber mais avisos", "Be told no more"),
        description=Text(
            "O navegador que o corpo nomeia; sem corpo, todos os do pedido.",
            "The browser that the body names; without a body, all of the order.",
        ),
        body=bodies.UnsubscriptionBody,
        body_required=False,
        example={},
        answers=(Answer(204, Text("Não será mais avisado.", "It will be told no more.")),),
        problems=("unknown-order", "unavailable"),
        tokens=("order",),
    ),
    Operation(
        method="GET",
        path="/v1/push/key",
        id="getPushKey",
        tag="orders",
        summary=Text("A chave dos avisos", "The key of Web Push"),
        description=Text(
            "A `applicationServerKey` de `PushManager.subscribe()`; 404 onde não há avisos.",
            "The `applicationServerKey` of `PushManager.subscribe()`; 404 where nobody is told.",
        ),
        answers=(Answer(200, Text("A chave.", "The key."), subscribing.PushKey, examples.PUSH_KEY),),
        problems=("not-found",),
    ),
    Operation(
        method="PUT",
        path=RESTAURANT_PATH,
        id="putRestaurant",
        tag="offers",
        summary=Text("Criar ou mudar um restaurante", "Create or change a restaurant"),
        description=Text(
            "Nome, capacidade da cozinha, prazo de preparo, webhook. A resposta traz o token do restaurante.",
            "Name, kitchen capacity, preparation timeout, webhook. The answer has the restaurant's token.",
        ),
        body=bodies.RestaurantBody,
        example=examples.RESTAURANT,
        answers=_put_answers(offered.OfferedRestaurant, examples.OFFERED_RESTAURANT),
        problems=_PUT_PROBLEMS,
        tokens=("admin",),
    ),
    Operation(
        method="PUT",
        path=RESTAURANT_PATH + "/menu/{sku}",
        id="putMenuItem",
        tag="offers",
        summary=Text("Criar ou mudar um item", "Create or change a menu item"),
        description=Text(
            "`portions` é o total oferecido, já contando as vendidas; `null`: sem limite.",
            "`portions` is the whole number offered, sold ones included; `null`: unlimited.",
        ),
        body=bodies.MenuItemBody,
        example=examples.ITEM,
        answers=_put_answers(offered.OfferedItem, examples.OFFERED_ITEM),
        problems=("unknown-restaurant", *_PUT_PROBLEMS),
        tokens=("admin", "restaurant"),
    ),
    Operation(
        method="PUT",
        path=RESTAURANT_PATH + "/promotions/{promotion_id}",
        id="putPromotion",
        tag="offers",
        summary=Text("Criar ou mudar uma promoção", "Create or change a promotion"),
        description=Text(
            "Aberta de `starts_at` até antes de `ends_at`; de cada item, preço, porções e limite por cliente.",
            "Open from `starts_at` until before `ends_at`; of each item, price, portions and limit per customer.",
        ),
        body=bodies.PromotionBody,
        example=examples.PROMOTION,
        answers=_put_answers(offered.OfferedPromotion, examples.OFFERED_PROMOTION),
        problems=("unknown-restaurant", "unknown-item", *_PUT_PROBLEMS),
        tokens=("admin", "restaurant"),
    ),
    Operation(
        method="GET",
        path=RESTAURANT_PATH + "/dashboard",
        id="getDashboard",
        tag="board",
        summary=Text("Ver o painel", "Look at the board"),
        description=Text(
            "Pedidos abertos, porções e ritmo, como no primeiro quadro do feed.",
            "Open orders, portions and pace, as in the first message of the feed.",
        ),
        answers=(Answer(200, Text("O painel.", "The board."), board.Dashboard, examples.DASHBOARD),),
        problems=("unknown-restaurant", "unavailable"),
        tokens=("restaurant",),
    ),
    Operation(
        method="GET",
        path=RESTAURANT_PATH + "/feed",
        id="followBoard",
        tag="board",
        summary=Text("Seguir o painel", "Follow the board"),
        description=Text(
            "WebSocket, só de leitura: o painel inteiro, depois as mudanças, com número de sequência. O token vai "
            "no subprotocolo `bearer.<token>` ao lado de `promo.feed.v1`, ou na primeira mensagem (`auth`, em 5 s); "
            "nunca no endereço. Com `after`, só o que veio depois, enquanto for guardado. Fecha com 4401 (token), "
            "4403 (outra origem ou restaurante), 4408 (lento ou parado), 4429 (conexões demais), 1008 (mensagem a mais).",
            "WebSocket, read-only: the whole board, then changes with a sequence number. The token is sent in the "
            "subprotocol `bearer.<token>` beside `promo.feed.v1`, or in the first message (`auth`, within 5 s); never "
            "in the URL. With `after`, only what came later, while it is kept. Closes with 4401 (token), 4403 (other "
            "origin or restaurant), 4408 (slow or idle), 4429 (too many connections), 1008 (a message too many).",
        ),
        answers=(Answer(101, Text("A conexão vira WebSocket.", "The connection becomes a WebSocket.")),),
        problems=("upgrade-required",),
        websocket={
            "client": first_word.Auth | first_word.Resume,
            "server": live.FeedSnapshot | live.FeedChange | live.FeedStatus,
        },
    ),
    Operation(
        method="GET",
        path="/health/live",
        id="isLive",
        tag="operating",
        summary=Text("O processo vive?", "Does the process live?"),
        description=Text("Responde enquanto o processo responde.", "Answers as long as the process does."),
        answers=(Answer(200, Text("Vive.", "It does."), operating.Live, {"status": "live"}),),
    ),
    Operation(
        method="GET",
        path="/health/ready",
        id="isReady",
        tag="operating",
        summary=Text("Pode receber pedidos?", "Can it take orders?"),
        description=Text("Pergunta a cada parte necessária.", "Asks every part that is needed."),
        answers=tuple(
            Answer(
                status,
                means,
                operating.Ready,
                {"status": word, "parts": {"commands": True, "replies": True, "views": well}},
            )
            for status, word, well, means in (
                (200, "ready", True, Text("Todas respondem.", "All answer.")),
                (503, "not-ready", False, Text("Alguma não responde.", "Some do not.")),
            )
        ),
    ),
    Operation(
        method="GET",
        path="/metrics",
        id="getMetrics",
        tag="operating",
        summary=Text("Métricas", "Metrics"),
        description=Text("De todos os processos, para o Prometheus.", "Of all processes, for Prometheus."),
        answers=(Answer(200, Text("O texto.", "The text."), str, examples.METRICS, media_type="text/plain"),),
    ),
    Operation(
        method="GET",
        path="/openapi.json",
        id="getOpenapi",
        tag="operating",
        summary=Text("Esta descrição", "This description"),
        description=Text("OpenAPI 3.1, na língua do leitor.", "OpenAPI 3.1, in the reader's language."),
        answers=(
            Answer(
                200,
                Text("O documento.", "The document."),
                dict[str, Any],
                {"openapi": "3.1.0"},
                ("Content-Language",),
            ),
        ),
    ),
    Operation(
        method="GET",
        path="/docs",
        id="getDocs",
        tag="operating",
        summary=Text("Esta descrição como página", "This description as a page"),
        description=Text(
            "HTML, sem script nem nada de fora.", "HTML, without scripts or anything from outside."
        ),
        answers=(
            Answer(
                200,
                Text("A página.", "The page."),
                str,
                "<!doctype html>",
                ("Content-Language",),
                media_type="text/html",
            ),
        ),
    ),
    Operation(
        method="GET",
        path="/problems/{slug}",
        id="getProblem",
        tag="operating",
        summary=Text("O que um problema significa", "What a problem means"),
        description=Text("O `type` de cada problema leva aqui.", "The `type` of every problem leads here."),
        answers=(
            Answer(
                200,
                Text("O significado.", "The meaning."),
                operating.ProblemMeaning,
                examples.PROBLEM_MEANING,
                ("Content-Language",),
            ),
        ),
        problems=("not-found",),
    ),
)
