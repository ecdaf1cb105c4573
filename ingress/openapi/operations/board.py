"""Operations for restaurants: the board, and advancing orders."""

from ingress.handlers import change_order, feed_handshake
from ingress.live import board, board_stream
from ingress.openapi.operation import DocumentedResponse, Operation
from ingress.openapi.operations.orders import ORDER_CHANGED
from ingress.openapi.texts import EXAMPLES

ADVANCE_ORDER = Operation(
    id="advanceOrder",
    tag="board",
    headers=("Prefer",),
    body=change_order.StatusBody,
    example={"status": "preparing"},
    responses=ORDER_CHANGED,
    problems=("unknown-order", "invalid-transition", "too-many-requests", "overloaded", "unavailable"),
)

GET_DASHBOARD = Operation(
    id="getDashboard",
    tag="board",
    responses=(DocumentedResponse(200, "board", board.Dashboard, EXAMPLES["board"]),),
    problems=("unknown-restaurant", "unavailable"),
)

FOLLOW_BOARD = Operation(
    id="followBoard",
    tag="board",
    responses=(DocumentedResponse(101, "websocket"),),
    problems=("upgrade-required", "too-many-requests"),
    websocket={
        "client": feed_handshake.AuthMessage | feed_handshake.ResumeMessage,
        "server": board_stream.FeedSnapshot | board_stream.FeedChange | board_stream.FeedStatus,
    },
)
