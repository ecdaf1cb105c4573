"""Orders, for who has placed them."""

from ingress import answers, bodies, changing, order_page, subscribing
from ingress.live import order_stream
from ingress.openapi import examples
from ingress.openapi.operation import Answer, Operation
from ingress.openapi.operations import changes, paths
from ingress.texts import Text

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

OPERATIONS: tuple[Operation, ...] = (
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
        path=paths.ORDER,
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
        path=paths.ORDER + "/events",
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
        path=paths.ORDER + "/cancel",
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
        answers=changes.CHANGED,
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
        path=paths.ORDER + "/push",
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
        path=paths.ORDER + "/push",
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
)
