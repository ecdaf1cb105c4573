"""A restaurant's own side: its board, and moving orders on."""

from ingress import changing
from ingress.live import board, first_word
from ingress.openapi import examples, live
from ingress.openapi.operation import Answer, Operation
from ingress.openapi.operations import changes, paths
from ingress.texts import Text

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="POST",
        path=paths.ORDER + "/status",
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
        answers=changes.CHANGED,
        problems=("unknown-order", "invalid-transition", "overloaded", "unavailable"),
        tokens=("restaurant",),
    ),
    Operation(
        method="GET",
        path=paths.RESTAURANT + "/dashboard",
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
        path=paths.RESTAURANT + "/feed",
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
)
