// The orders of this device: identifier and token of each, so that a reload finds them again.
import { local } from './store.js';

const MOST = 8;
const OVER = ['delivered', 'cancelled'];
/** How long an order is offered for following, in milliseconds. */
const RECENT = 12 * 3600 * 1000;

export const all = () => local.get('orders') ?? [];
export const find = (orderId) => all().find((order) => order.order_id === orderId) ?? null;
export const recent = () => all().filter((order) => !OVER.includes(order.status) && Date.now() - order.at < RECENT);

/** Keep an order that was just asked for. */
export function keep({ order_id, restaurant_id, status, token, events_url }, name) {
  const kept = { order_id, restaurant_id, status, token, events_url, name, at: Date.now() };
  local.set('orders', [kept, ...all().filter((order) => order.order_id !== order_id)].slice(0, MOST));
}

/** Note where it is now: that is what is shown first the next time, and what is over is offered no more. */
export function note(orderId, status) {
  local.set(
    'orders',
    all().map((order) => (order.order_id === orderId ? { ...order, status } : order)),
  );
}
