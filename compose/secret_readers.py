"""Which processes read which secret; no other process receives it, also not by inheriting its parent's environment."""

#: Roles by the setting of the secret. The manifests of Compose and Kubernetes are checked against this table.
READERS: dict[str, frozenset[str]] = {
    "PROMO_ADMIN_TOKEN": frozenset({"ingress"}),
    "PROMO_TOKEN_SECRET": frozenset({"ingress"}),
    "PROMO_WEBHOOK_SECRET": frozenset({"ingress", "egress"}),
    "PROMO_PRIVACY_SECRET": frozenset({"ingress"}),
    "PROMO_VAPID_PRIVATE_KEY": frozenset({"ingress", "egress"}),
}
