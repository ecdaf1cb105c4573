"""The table of operations: everything that HTTP clients may rely on."""

from ingress.openapi.operation import Operation
from ingress.openapi.operations import board, menus, offers, operating, orders
from ingress.texts import Text

#: Groups of operations, in the order in which they are shown.
TAGS: dict[str, Text] = {
    "menus": Text("Cardápios", "Menus"),
    "orders": Text("Pedidos", "Orders"),
    "offers": Text("O que se oferece", "What is offered"),
    "board": Text("Painel do restaurante", "The restaurant's board"),
    "operating": Text("Operação", "Operating"),
}

OPERATIONS: tuple[Operation, ...] = (
    *menus.OPERATIONS,
    *orders.OPERATIONS,
    *offers.OPERATIONS,
    *board.OPERATIONS,
    *operating.OPERATIONS,
)
