"""What a status is called, in both languages."""

from ingress.texts import Text
from schemas.orders import Status

STATUSES: dict[Status, Text] = {
    "pending": Text("aguardando pagamento", "awaiting payment"),
    "received": Text("recebido", "received"),
    "preparing": Text("em preparo", "being prepared"),
    "out_for_delivery": Text("saiu para entrega", "out for delivery"),
    "delivered": Text("entregue", "delivered"),
    "cancelled": Text("cancelado", "cancelled"),
}
