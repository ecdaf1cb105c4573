// The board: what is seen from two metres, and kept true in place.
import { now } from './clock.js';
import { rateChart } from './chart.js';
import { bolt, h, say, set } from './dom.js';
import { code, t, time } from './i18n.js';
import { Kitchen } from './kitchen.js';

const COLUMNS = ['received', 'preparing', 'out_for_delivery'];
/** Below this many portions the number is marked. */
const FEW = 10;

/** The board's view over a kitchen: { element, update(), tick() }. */
export function boardView(kitchen) {
  const chart = rateChart();
  const half = figure('board.preparation.half');
  const most = figure('board.preparation.most');
  const portions = h('ul', { class: 'portions', tabindex: '0', 'aria-labelledby': 'p-left' });
  const ended = h('p', { class: 'ended muted' });
  const columns = Object.fromEntries(COLUMNS.map((status) => [status, column(status)]));
  const panel = (kind, title, ...content) =>
    h(
      'section',
      { class: `panel ${kind}`, 'aria-labelledby': `p-${kind}` },
      h('h2', { id: `p-${kind}` }, t(title)),
      content,
    );
  const element = h(
    'div',
    { class: 'board-view' },
    h(
      'div',
      { class: 'panels' },
      panel('rates', 'board.rate', chart.element),
      panel('preparation', 'board.preparation', h('dl', {}, half.element, most.element)),
      panel('left', 'board.portions', portions),
    ),
    h(
      'div',
      { class: 'columns' },
      COLUMNS.map((status) => columns[status].element),
    ),
    ended,
  );

  function update() {
    for (const status of COLUMNS) columns[status].update(kitchen.queue(status));
    if (kitchen.stats) {
      chart.update(kitchen.stats.orders_per_minute);
      half.update(kitchen.stats.preparation_p50_seconds);
      most.update(kitchen.stats.preparation_p95_seconds);
    }
    stock();
    tick();
  }

  function stock() {
    const listed = [...kitchen.portions.values()].sort(
      (left, right) => rank(left) - rank(right) || left.name.localeCompare(right.name),
    );
    const shown = JSON.stringify(listed);
    if (portions.dataset.shown === shown) return;
    portions.dataset.shown = shown;
    portions.replaceChildren(
      ...(listed.length ? listed.map(portion) : [h('li', { class: 'muted' }, t('board.portions.none'))]),
    );
  }

  function tick() {
    for (const each of Object.values(columns)) each.tick();
    const [delivered, cancelled] = ['delivered', 'cancelled'].map((status) => kitchen.ended(status, now()));
    say(ended, t('board.ended', { delivered, cancelled }));
  }

  return { element, update, tick };
}

/** Those of a promotion first, those without a limit last. */
const rank = ({ promotion_id, available }) => (promotion_id ? 0 : available === null ? 2 : 1);

function portion({ name, promotion_id, available, sold, held }) {
  const kind = available === null ? 'open' : available <= 0 ? 'none' : available < FEW ? 'few' : 'many';
  return h(
    'li',
    { data: { kind }, title: t('board.portions.detail', { sold, held }) },
    h(
      'span',
      {},
      name,
      promotion_id ? h('small', {}, ' ', bolt(), h('span', { class: 'unseen' }, t('board.portions.promo'))) : null,
    ),
    h('strong', {}, available === null ? t('board.portions.unlimited') : String(available)),
  );
}

function figure(label) {
  const value = h('dd', { class: 'figure' }, h('span'), h('span', { class: 'unseen' }));
  const element = h('div', {}, h('dt', {}, t(label)), value);
  const update = (seconds) => {
    const known = seconds !== null;
    say(value.firstChild, known ? lapse(seconds * 1000) : '—');
    set(value.firstChild, 'aria-hidden', known ? null : 'true');
    say(value.lastChild, known ? '' : t('board.unknown'));
  };
  return { element, update };
}

/** A stretch of time as people say it. */
export function lapse(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return t('board.seconds', { count: seconds });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return t('board.minutes', { count: minutes });
  return t('board.hours', { hours: Math.floor(minutes / 60), minutes: String(minutes % 60).padStart(2, '0') });
}

function column(status) {
  const cards = new Map();
  const count = h('span', { class: 'count' });
  const list = h('ul', { class: 'cards', tabindex: '0', 'aria-labelledby': `c-${status}` });
  const none = h('p', { class: 'muted none' }, t(`board.none.${status}`));
  const element = h(
    'section',
    { class: `column ${status}`, 'aria-labelledby': `c-${status}` },
    h('h2', { id: `c-${status}` }, h('span', {}, t(`board.${status}`)), ' ', count),
    none,
    list,
  );

  function update(orders) {
    say(count, String(orders.length));
    none.hidden = orders.length > 0;
    list.hidden = orders.length === 0;
    for (const [id, each] of cards) {
      if (orders.some((order) => order.order_id === id)) continue;
      each.element.remove();
      cards.delete(id);
    }
    orders.forEach((order, index) => {
      if (!cards.has(order.order_id)) cards.set(order.order_id, card());
      const { element: shown, update: refresh } = cards.get(order.order_id);
      refresh(order);
      if (list.children[index] !== shown) list.insertBefore(shown, list.children[index] ?? null);
    });
  }

  const tick = () => cards.forEach((each) => each.tick());
  return { element, update, tick };
}

function card() {
  const name = h('h3');
  const age = h('span');
  const late = h('span', { class: 'late', hidden: true }, t('board.late'));
  const items = h('ul', { class: 'dishes' });
  const due = h('span', { class: 'due' });
  const element = h(
    'li',
    { class: 'card' },
    h(
      'div',
      { class: 'card-head' },
      name,
      h('p', { class: 'age' }, h('span', { class: 'unseen' }, `${t('board.age')} `), age),
    ),
    items,
    h('div', { class: 'card-foot' }, due, late),
  );
  let order = null;

  function update(next) {
    order = next;
    element.dataset.order = order.order_id;
    say(name, code(order.order_id));
    const cooking = order.status !== 'out_for_delivery' && order.eta;
    say(due, cooking ? t('board.eta', { time: time(order.eta.p90) }) : '');
    const shown = JSON.stringify(order.items);
    if (items.dataset.shown !== shown) {
      items.dataset.shown = shown;
      items.replaceChildren(...order.items.map((item) => h('li', {}, h('b', {}, `${item.quantity}×`), ' ', item.name)));
    }
    tick();
  }

  function tick() {
    say(age, lapse(now() - Date.parse(order.status_since)));
    const isLate = Kitchen.isLate(order, now());
    element.classList.toggle('is-late', isLate);
    late.hidden = !isLate;
  }

  return { element, update, tick };
}
