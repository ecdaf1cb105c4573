// The kitchen as the feed tells it: a snapshot with the later changes laid over it. Pure.

/** How long an order that has ended is still counted, in milliseconds. */
const ENDED = 15 * 60 * 1000;
const OVER = ['delivered', 'cancelled'];

export class Kitchen {
  constructor() {
    this.name = '';
    this.orders = new Map();
    this.portions = new Map();
    this.stats = null;
    this.asOf = null;
    this.degraded = false;
  }

  /** Take a message; returns the orders that were not known before (none of a first snapshot). */
  take(message) {
    if (message.type === 'snapshot') return this.replace(message.dashboard);
    if (message.as_of) this.asOf = message.as_of;
    if (message.degraded !== undefined) this.degraded = message.degraded;
    for (const portion of message.portions ?? []) this.portions.set(portion.sku, portion);
    if (message.stats) this.stats = message.stats;
    if (!message.order) return [];
    const known = this.orders.has(message.order.order_id);
    this.orders.set(message.order.order_id, message.order);
    return known || OVER.includes(message.order.status) ? [] : [message.order];
  }

  replace(dashboard) {
    const first = this.stats === null;
    const before = this.orders;
    this.name = dashboard.name;
    this.orders = new Map(dashboard.orders.map((order) => [order.order_id, order]));
    this.portions = new Map(dashboard.portions.map((portion) => [portion.sku, portion]));
    this.stats = dashboard.stats;
    this.asOf = dashboard.as_of;
    this.degraded = dashboard.degraded;
    return first
      ? []
      : [...this.orders.values()].filter((order) => !before.has(order.order_id) && !OVER.includes(order.status));
  }

  /** Orders of a status, the one that has waited longest first. */
  queue(status) {
    return [...this.orders.values()]
      .filter((order) => order.status === status)
      .sort(
        (left, right) =>
          Date.parse(left.status_since) - Date.parse(right.status_since) || (left.order_id < right.order_id ? -1 : 1),
      );
  }

  /** Whether an order should have left the stove by now: nine of ten like it had. */
  static isLate({ status, late, eta }, now) {
    return ['received', 'preparing'].includes(status) && (late || (Boolean(eta) && now > Date.parse(eta.p90)));
  }

  /** How many ended lately with a status; what ended before is forgotten. */
  ended(status, now) {
    for (const order of this.orders.values()) {
      if (OVER.includes(order.status) && now - Date.parse(order.status_since) > ENDED)
        this.orders.delete(order.order_id);
    }
    return this.queue(status).length;
  }
}
