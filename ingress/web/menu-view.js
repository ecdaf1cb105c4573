// The menu of a restaurant: the promotion's time, what there is of each item, and what is to be ordered.
import { most, price } from './cart.js';
import { now } from './clock.js';
import { announce, bolt, h, say, set } from './dom.js';
import { countdown, money, t, time } from './i18n.js';
import { ordersStrip } from './orders-strip.js';

/** Below this many, the number is said louder. */
const FEW = 10;
/** The length of a usual promotion in milliseconds: how long the fuse is. */
const USUAL = 15 * 60 * 1000;

/** Categories are compared as the server does it. */
const form = ({ category }) => category.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

/** The menu's view: { element, menu(state), trouble(kind, state), tick() }. */
export function menuView({ restaurant, name, cart, go }) {
  const rows = new Map();
  let ends = null;
  let promoted = false;

  const eyebrow = h('p', { class: 'eyebrow' }, bolt(), h('span'));
  const clock = h('p', { class: 'countdown', role: 'timer', 'aria-label': t('menu.remaining'), hidden: true });
  const fuse = h('div', { class: 'fuse', 'aria-hidden': 'true', hidden: true }, h('i'));
  const until = h('p', { class: 'until' });
  const notice = h('p', { class: 'notice', role: 'status', hidden: true });
  const lists = h('div', { class: 'lists' }, h('p', { class: 'muted loading' }, t('menu.loading')));
  const go_ = h('button', { class: 'primary wide', type: 'button', on: { click: () => go('order') } });
  const bar = h(
    'section',
    { class: 'cartbar', 'aria-label': t('cart.label'), hidden: true },
    h('div', {}, h('span'), h('strong')),
    go_,
  );
  const element = h(
    'div',
    { class: 'view menu' },
    h(
      'section',
      { class: 'hero' },
      h('div', { class: 'hero-text' }, eyebrow, h('h1', {}, name || restaurant)),
      h('div', { class: 'hero-clock' }, clock, until),
      fuse,
    ),
    ordersStrip(go, restaurant),
    notice,
    lists,
    bar,
  );

  function render({ items, degraded }) {
    const open = items.filter((item) => item.promotion);
    promoted ||= open.length > 0;
    ends = open.length ? Math.min(...open.map((item) => Date.parse(item.promotion.ends_at))) : null;
    warn(degraded ? t('menu.degraded') : '');
    arrange(items);
    for (const item of items) rows.get(item.sku).update(item, degraded);
    total();
    tick();
  }

  /** Sections in order, rows in their sections; what is there already stays the same element, and focused. */
  function arrange(items) {
    const sections = [[t('menu.promo'), items.filter((item) => item.promotion)]];
    for (const [key, title] of new Map(items.map((item) => [form(item), item.category]))) {
      sections.push([title, items.filter((item) => !item.promotion && form(item) === key)]);
    }
    const shown = sections.filter(([, entries]) => entries.length);
    const layout = JSON.stringify(shown.map(([title, entries]) => [title, entries.map((item) => item.sku)]));
    if (layout === lists.dataset.layout) return;
    lists.dataset.layout = layout;
    const focused = document.activeElement;
    lists.replaceChildren(
      ...shown.map(([title, entries], index) =>
        h(
          'section',
          { class: title === t('menu.promo') ? 'promo' : 'regular', 'aria-labelledby': `s${index}` },
          h('h2', { id: `s${index}` }, title),
          h(
            'ul',
            { class: 'items' },
            entries.map((item) => row(item).element),
          ),
        ),
      ),
    );
    if (!shown.length) lists.append(h('p', { class: 'muted' }, t('menu.empty')));
    if (focused && lists.contains(focused)) focused.focus({ preventScroll: true });
  }

  function row(item) {
    if (!rows.has(item.sku)) {
      const change = (by) => {
        cart.put(item.sku, cart.of(item.sku) + by);
        rows.get(item.sku).count();
        total();
      };
      rows.set(item.sku, itemRow(item, cart, change));
    }
    return rows.get(item.sku);
  }

  function total() {
    const count = cart.count;
    bar.hidden = count === 0;
    element.classList.toggle('has-cart', count > 0);
    const [items, sum] = bar.firstChild.children;
    say(items, count === 1 ? t('cart.items.one') : t('cart.items.other', { count }));
    say(sum, money(cart.total));
    say(go_, t('cart.go'));
  }

  function warn(text) {
    notice.hidden = !text;
    say(notice, text);
  }

  function tick() {
    const left = ends === null ? 0 : ends - now();
    const open = left > 0;
    say(eyebrow.lastChild, t(open ? 'menu.eyebrow' : 'menu.eyebrow.none'));
    clock.hidden = fuse.hidden = !open;
    if (open) {
      say(clock, countdown(left));
      clock.classList.toggle('soon', left < 60_000);
      fuse.firstChild.style.setProperty('--left', Math.min(1, left / USUAL));
      say(until, t('menu.ends', { time: time(ends) }));
    } else if (lists.dataset.layout) {
      say(until, promoted ? `${t('menu.closed')}. ${t('menu.closed.detail')}` : t('menu.none'));
    }
  }

  function trouble(kind, at) {
    if (kind === 'unknown' || at === null) {
      lists.replaceChildren(
        h(
          'div',
          { class: 'blank' },
          h('h2', {}, t(kind === 'unknown' ? 'menu.unknown' : 'menu.unavailable')),
          h('p', {}, t(kind === 'unknown' ? 'menu.unknown.detail' : 'menu.unavailable.detail')),
          h('p', {}, h('a', { class: 'button', href: '/' }, t('menu.all'))),
        ),
      );
      return;
    }
    warn(t('menu.offline', { time: time(at) }));
    for (const each of rows.values()) each.doubt();
  }

  return { element, menu: render, trouble, tick, total };
}

/** One item of the menu. */
function itemRow(first, cart, change) {
  const cost = h('p', { class: 'price' });
  const left = h('p', { class: 'left' });
  const less = h('button', { class: 'step', type: 'button', on: { click: () => change(-1) } }, '−');
  const quantity = h('output', {});
  const more = h('button', { class: 'step add', type: 'button', on: { click: () => change(1) } });
  const stepper = h('div', { class: 'stepper', role: 'group' }, less, quantity, more);
  const name = h('h3', {});
  const description = h('p', { class: 'description' });
  const element = h(
    'li',
    { class: 'item', data: { sku: first.sku } },
    h('div', { class: 'item-text' }, name, description, cost),
    h('div', { class: 'item-side' }, left, stepper),
  );
  let item = first;
  let shown = null;

  function update(next, degraded) {
    item = next;
    say(name, item.name);
    say(description, item.description);
    description.hidden = !item.description;
    const promo = item.promo_price !== null;
    const text = JSON.stringify([item.promo_price, item.price]);
    if (cost.dataset.shown !== text) {
      cost.dataset.shown = text;
      cost.replaceChildren(...(promo ? reduced(item) : [h('strong', {}, money(item.price))]));
    }
    set(stepper, 'aria-label', t('menu.quantity', { name: item.name }));
    set(less, 'aria-label', t('menu.less', { name: item.name }));
    availability(degraded);
    count();
  }

  function availability(degraded) {
    const { state, count: portions } = item.availability;
    const sold = state === 'sold_out';
    const kind = sold
      ? 'sold'
      : state === 'limited' || degraded
        ? 'limited'
        : portions === null
          ? 'unlimited'
          : portions === 1
            ? 'one'
            : portions < FEW
              ? 'few'
              : 'many';
    const text = t(`menu.left.${kind}`, { count: portions });
    if (shown !== null && shown !== text) {
      left.classList.remove('changed');
      void left.offsetWidth; // begins the animation anew
      left.classList.add('changed');
      if (sold) announce(t('menu.sold.aloud', { name: item.name }));
    }
    shown = text;
    say(left, text);
    left.dataset.kind = kind;
    element.classList.toggle('sold-out', sold);
  }

  function count() {
    const chosen = cart.of(item.sku);
    const none = chosen === 0;
    if (none && document.activeElement === less) more.focus();
    less.hidden = quantity.hidden = none;
    say(quantity, String(chosen));
    more.disabled = chosen >= most(item);
    say(more, none ? t('menu.add.short') : '+');
    set(more, 'aria-label', t(none ? 'menu.add' : 'menu.more', { name: item.name }));
    stepper.classList.toggle('none', none);
    element.classList.toggle('chosen', !none);
  }

  /** What is shown is old: its count is worth nothing. */
  function doubt() {
    if (item.availability.state === 'sold_out') return;
    shown = t('menu.left.limited');
    say(left, shown);
    left.dataset.kind = 'limited';
  }

  return { element, update, count, doubt };
}

function reduced(item) {
  const percent = Math.round(100 * (1 - price(item).amount / item.price.amount));
  const hidden = (key) => h('span', { class: 'unseen' }, `${t(key)} `);
  const parts = [
    h('strong', {}, hidden('menu.now'), money(price(item))),
    ' ',
    h('s', {}, hidden('menu.was'), money(item.price)),
  ];
  if (percent > 0)
    parts.push(
      ' ',
      h(
        'span',
        { class: 'off' },
        h('span', { 'aria-hidden': 'true' }, `−${percent}%`),
        h('span', { class: 'unseen' }, t('menu.off', { percent })),
      ),
    );
  return parts;
}
