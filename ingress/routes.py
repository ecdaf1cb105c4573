"""The table of routes: the router, the access check and the OpenAPI document are made from it.

A route that is not in this table is denied.
"""

from ingress.handlers import (
    catalogue,
    catalogue_deletion,
    change_order,
    customers,
    get_order,
    menus,
    ops,
    order_events,
    place_order,
    push_subscriptions,
    restaurant_feed,
    web_pages,
    webhook_secrets,
)
from ingress.http.roles import (
    ADMIN_ONLY,
    CUSTOMER_IN_HANDLER,
    CUSTOMER_ONLY,
    CUSTOMER_OR_MANAGER,
    MANAGER_ONLY,
    MANAGER_OR_ADMIN,
    ORDER_PARTIES,
    PUBLIC,
    RESTAURANT_IN_HANDLER,
    RESTAURANT_ONLY,
)
from ingress.openapi import handlers as openapi
from ingress.openapi.operations import board as board_api
from ingress.openapi.operations import catalogue as catalogue_api
from ingress.openapi.operations import customers as customers_api
from ingress.openapi.operations import menus as menus_api
from ingress.openapi.operations import ops as ops_api
from ingress.openapi.operations import orders as orders_api
from ingress.openapi.route import Route

_RESTAURANT = "/v1/restaurants/{restaurant_id}"
_VERIFICATIONS = "/v1/customers/verifications"
_ORDER = "/v1/orders/{order_id}"

# fmt: off
ROUTES: tuple[Route, ...] = (
    Route("GET", "/v1/restaurants", menus.restaurants, PUBLIC, menus_api.LIST_RESTAURANTS),
    Route("GET", _RESTAURANT + "/menu", menus.menu, PUBLIC, menus_api.GET_MENU),
    Route("GET", "/catalogo", menus.catalogo, PUBLIC, menus_api.GET_CATALOGO),
    Route("POST", "/v1/orders", place_order.place, CUSTOMER_IN_HANDLER, orders_api.PLACE_ORDER),
    Route("POST", "/pedidos", place_order.place, CUSTOMER_IN_HANDLER, orders_api.PLACE_PEDIDO),
    Route("POST", "/v1/customers", customers.create, PUBLIC, customers_api.CREATE_CUSTOMER),
    Route("POST", _VERIFICATIONS, customers.begin_verification, PUBLIC, customers_api.BEGIN_VERIFICATION),
    Route("POST", _VERIFICATIONS + "/{verification_id}", customers.check_code, PUBLIC, customers_api.CHECK_CODE),
    Route("GET", _ORDER, get_order.get, ORDER_PARTIES, orders_api.GET_ORDER),
    Route("GET", _ORDER + "/events", order_events.events, ORDER_PARTIES, orders_api.FOLLOW_ORDER),
    Route("POST", _ORDER + "/cancel", change_order.cancel, CUSTOMER_OR_MANAGER, orders_api.CANCEL_ORDER),
    Route("POST", _ORDER + "/push", push_subscriptions.subscribe, CUSTOMER_ONLY, orders_api.SUBSCRIBE),
    Route("DELETE", _ORDER + "/push", push_subscriptions.unsubscribe, CUSTOMER_ONLY, orders_api.UNSUBSCRIBE),
    Route("GET", "/v1/push/key", push_subscriptions.key, PUBLIC, orders_api.GET_PUSH_KEY),
    Route("PUT", _RESTAURANT, catalogue.put_restaurant, ADMIN_ONLY, catalogue_api.PUT_RESTAURANT),
    Route("PUT", _RESTAURANT + "/menu/{sku}", catalogue.put_menu_item, MANAGER_OR_ADMIN, catalogue_api.PUT_MENU_ITEM),
    Route("PUT", _RESTAURANT + "/promotions/{promotion_id}", catalogue.put_promotion, MANAGER_OR_ADMIN, catalogue_api.PUT_PROMOTION),
    Route("DELETE", _RESTAURANT, catalogue_deletion.delete_restaurant, ADMIN_ONLY, catalogue_api.DELETE_RESTAURANT),
    Route("DELETE", _RESTAURANT + "/menu/{sku}", catalogue_deletion.delete_menu_item, MANAGER_OR_ADMIN, catalogue_api.DELETE_MENU_ITEM),
    Route("DELETE", _RESTAURANT + "/promotions/{promotion_id}", catalogue_deletion.delete_promotion, MANAGER_OR_ADMIN, catalogue_api.DELETE_PROMOTION),
    Route("POST", _RESTAURANT + "/webhook-secrets", webhook_secrets.rotate, MANAGER_OR_ADMIN, catalogue_api.ROTATE_WEBHOOK_SECRET),
    Route("POST", _ORDER + "/status", change_order.update_status, MANAGER_ONLY, board_api.ADVANCE_ORDER),
    Route("GET", _RESTAURANT + "/dashboard", restaurant_feed.dashboard, RESTAURANT_ONLY, board_api.GET_DASHBOARD),
    Route("GET", _RESTAURANT + "/feed", restaurant_feed.feed, RESTAURANT_IN_HANDLER, board_api.FOLLOW_BOARD),
    Route("GET", "/health/live", ops.live, PUBLIC, ops_api.GET_LIVE),
    Route("GET", "/health/ready", ops.ready, PUBLIC, ops_api.GET_READY),
    Route("GET", "/metrics", ops.metrics, PUBLIC, ops_api.GET_METRICS),
    Route("GET", "/openapi.json", openapi.openapi, PUBLIC, ops_api.GET_OPENAPI, is_shed_first=True),
    Route("GET", "/docs", openapi.docs, PUBLIC, ops_api.GET_DOCS, is_shed_first=True),
    Route("GET", "/problems/{slug}", ops.problem, PUBLIC, ops_api.GET_PROBLEM),
    Route("GET", "/", web_pages.customer, PUBLIC, None, is_shed_first=True),
    Route("GET", "/painel/{restaurant_id}", web_pages.board, PUBLIC, None, is_shed_first=True),
    Route("GET", "/web/{version}/{name}", web_pages.file, PUBLIC, None, is_shed_first=True),
    Route("GET", "/sw.js", web_pages.worker, PUBLIC, None, is_shed_first=True),
)
# fmt: on
