// The orders of this device that are on their way, as links; and one whose outcome is not known.
import { h } from './dom.js';
import { code, t } from './i18n.js';
import { recent } from './orders.js';
import { underWay } from './placing.js';

/** The strip, or null when there is nothing to show; `restaurant`: whose unanswered order to offer. */
export function ordersStrip(go, restaurant = null) {
  const links = recent().map((order) =>
    h(
      'li',
      {},
      h(
        'a',
        { class: 'ticket', href: `#pedido/${order.order_id}` },
        h('strong', {}, t('orders.one', { code: code(order.order_id) })),
        h('span', {}, order.name ?? ''),
        h('em', {}, t('orders.follow')),
      ),
    ),
  );
  if (restaurant && underWay(restaurant)) {
    links.unshift(
      h(
        'li',
        {},
        h(
          'a',
          { class: 'ticket', href: '#pedir', on: { click: () => go('order') } },
          h('strong', {}, t('orders.unsent')),
          h('em', {}, t('orders.unsent.see')),
        ),
      ),
    );
  }
  return links.length ? h('nav', { class: 'tickets', 'aria-label': t('orders.yours') }, h('ul', {}, links)) : null;
}
