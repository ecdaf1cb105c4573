// One order, live: where it is, when it comes, what can be done about it.
import { call, NoAnswer } from './api.js';
import { pause, sleep } from './backoff.js';
import { announce, h, say, set } from './dom.js';
import { code, has, money, t, time } from './i18n.js';
import { FINAL, follow } from './order-events.js';
import { find, note } from './orders.js';
import { place, settle, underWay } from './placing.js';
import { offer } from './push.js';
import { unique } from './store.js';

const STEPS = ['received', 'preparing', 'out_for_delivery', 'delivered'];
/** While the kitchen has it: what is expected is when it is ready to leave. */
const COOKING = ['pending', 'received', 'preparing'];
const CANCELLABLE = ['pending', 'received'];
/** Milliseconds until an order that is not decided is sent again, with its key. */
const UNDECIDED = 20_000;
/** Most times that a refund is looked at again. */
const LOOKS = 12;

/** The view of an order, which follows it until the signal. */
export function trackView(orderId, signal) {
  const kept = find(orderId);
  if (!kept) {
    return h(
      'div',
      { class: 'view blank' },
      h('h1', {}, t('track.missing')),
      h('p', {}, t('track.missing.detail')),
      h('p', {}, h('a', { class: 'button', href: '/' }, t('menu.all'))),
    );
  }
  const order = { version: 0, status: kept.status, history: [], items: [], eta: null, reason: null, refund: null };
  const heading = h('h1');
  const detail = h('p', { class: 'lead' });
  const eta = h('p', { class: 'eta', hidden: true });
  const steps = h('ol', { class: 'steps', 'aria-label': t('track.steps') });
  const link = h(
    'p',
    { class: 'connection', data: { state: 'connecting' } },
    h('span', {}, t('track.connecting')),
    h('button', { class: 'quiet', type: 'button', hidden: true, on: { click: () => begin() } }, t('track.reconnect')),
  );
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const items = h('ul', { class: 'lines' });
  const total = h('strong');
  const summary = h(
    'section',
    { class: 'summary', hidden: true, 'aria-labelledby': 'summary' },
    h('h2', { id: 'summary' }, t('track.summary')),
    items,
    h('p', { class: 'total' }, h('span', {}, t('order.total')), total),
  );
  const cancel = h(
    'button',
    { class: 'quiet danger', type: 'button', hidden: true, on: { click: () => sure.showModal() } },
    t('track.cancel'),
  );
  const sure = dialog(() => cancelled());
  const element = h(
    'div',
    { class: 'view track' },
    h(
      'section',
      { class: 'hero' },
      h(
        'div',
        { class: 'hero-text' },
        h(
          'p',
          { class: 'eyebrow' },
          h('span', {}, [t('track.code', { code: code(orderId) }), kept.name].filter(Boolean).join(' · ')),
        ),
        heading,
        detail,
      ),
      eta,
    ),
    link,
    problem,
    steps,
    offer(kept, signal),
    summary,
    h(
      'p',
      { class: 'actions' },
      cancel,
      h('a', { class: 'button', href: `/?r=${encodeURIComponent(kept.restaurant_id)}` }, t('track.more')),
    ),
    sure,
  );
  const path = `/v1/orders/${encodeURIComponent(orderId)}`;

  function changed(change) {
    const before = order.status;
    take(change, ['status', 'eta', 'reason', 'refund']);
    if (change.at && !order.history.some((line) => line.status === change.status))
      order.history.push({ status: change.status, at: change.at });
    render();
    if (before !== order.status) announce(t(`track.${order.status}`));
    if (!order.items.length) look();
    note(orderId, order.status);
    if (order.status !== 'pending' && attempt()) settle(kept.restaurant_id);
  }

  /** Take what is said of the order, unless something newer has been said: answers and events overtake each other. */
  function take(said, names) {
    if (said.version < order.version) return;
    order.version = said.version;
    for (const name of names) if (said[name] !== undefined) order[name] = said[name];
  }

  /** How this order was asked for, while its outcome is not known. */
  function attempt() {
    const last = underWay(kept.restaurant_id);
    return last?.order_id === orderId ? last : null;
  }

  function render() {
    element.dataset.status = order.status;
    say(heading, t(`track.${order.status}`));
    const ending = order.status === 'cancelled';
    say(detail, ending ? [reason(), refund()].filter(Boolean).join(' ') : t(`track.${order.status}.detail`));
    eta.hidden = !COOKING.includes(order.status) || !order.eta;
    if (order.eta) {
      const [from, to] = [time(order.eta.p50), time(order.eta.p90)];
      say(eta, from === to ? t('track.eta.one', { from }) : t('track.eta', { from, to }));
    }
    steps.hidden = ending;
    const reached = STEPS.indexOf(order.status);
    steps.replaceChildren(...STEPS.map((status, index) => step(status, index, reached)));
    cancel.hidden = !CANCELLABLE.includes(order.status);
  }

  function step(status, index, reached) {
    const line = order.history.find((entry) => entry.status === status);
    const done = index < reached || order.status === 'delivered';
    return h(
      'li',
      {
        class: done ? 'done' : index === reached ? 'current' : 'to-come',
        'aria-current': index === reached ? 'step' : null,
      },
      h('span', {}, t(`track.step.${status}`), done ? h('span', { class: 'unseen' }, ` (${t('track.done')})`) : null),
      line ? h('time', { datetime: line.at }, time(line.at)) : null,
    );
  }

  const reason = () => (order.reason && has(`track.reason.${order.reason}`) ? t(`track.reason.${order.reason}`) : '');
  const refund = () =>
    order.refund ? t(`track.refund.${order.refund.status}`, { amount: money(order.refund.amount) }) : '';

  /** Read the whole order: what it holds, and a refund. */
  async function look() {
    try {
      const { status, body } = await call('GET', path, { token: kept.token, signal });
      if (status !== 200 || (body.status === 'pending' && !body.items)) return;
      Object.assign(order, { items: body.items, total: body.total });
      take(body, ['status', 'eta', 'reason', 'refund', 'history']);
      items.replaceChildren(
        ...order.items.map((line) =>
          h(
            'li',
            {},
            h('span', { class: 'line-name' }, h('b', {}, `${line.quantity} × `), line.name),
            h(
              'span',
              { class: 'line-price' },
              money({ ...line.unit_price, amount: line.quantity * line.unit_price.amount }),
            ),
          ),
        ),
      );
      say(total, money(order.total));
      summary.hidden = false;
      render();
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
    }
  }

  async function refunded() {
    for (let number = 1; number <= LOOKS && order.refund?.status !== 'refunded' && !signal.aborted; number += 1) {
      await look();
      if (order.refund === null && number > 3) return;
      if (order.refund?.status !== 'refunded') await sleep(pause(number, { longest: 20_000, atLeast: 400 }), signal);
    }
  }

  function state(kind) {
    link.dataset.state = kind;
    const lost = {
      lost: 'track.reconnecting',
      connecting: 'track.connecting',
      stopped: 'track.stopped',
      refused: 'track.missing',
    };
    say(link.firstChild, lost[kind] ? t(lost[kind]) : t('track.live'));
    link.hidden = kind === 'ended';
    link.lastChild.hidden = kind !== 'stopped';
    if (kind === 'ended' && order.status === 'cancelled') refunded();
  }

  async function cancelled() {
    cancel.disabled = true;
    problem.hidden = true;
    const key = unique();
    for (let number = 1; number <= 4 && !signal.aborted; number += 1) {
      let answer = null;
      try {
        answer = await call('POST', `${path}/cancel`, {
          token: kept.token,
          body: {},
          headers: { 'Idempotency-Key': key },
          signal,
        });
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
      }
      if (answer && answer.status < 429) {
        if (answer.status === 409) warn(t('track.cancel.late'));
        else if (answer.status >= 400) warn(answer.body?.title ?? t('track.cancel.failed'));
        cancel.disabled = false;
        return;
      }
      await sleep(pause(number, { atLeast: answer?.retryAfter ?? 0 }), signal, Boolean(answer?.retryAfter));
    }
    warn(t('track.cancel.failed'));
    cancel.disabled = false;
  }

  function warn(text) {
    problem.hidden = false;
    say(problem, text);
  }

  /** The same order again while nobody has decided it: that brings the decision, or a refusal. */
  async function insist() {
    for (let number = 1; number <= 5; number += 1) {
      await sleep(UNDECIDED, signal);
      const asked = attempt();
      if (signal.aborted || order.status !== 'pending' || !asked) return;
      const outcome = await place(asked, () => {}, signal);
      if (outcome.kind === 'refused') {
        settle(kept.restaurant_id);
        order.status = 'cancelled';
        note(orderId, order.status);
        render();
        warn(
          has(`problem.${outcome.slug}`) ? t(`problem.${outcome.slug}`) : (outcome.body.title ?? t('problem.other')),
        );
        return;
      }
    }
  }

  function begin() {
    follow({ url: kept.events_url, token: kept.token, changed, state, signal });
  }

  render();
  look();
  begin();
  insist();
  return element;
}

function dialog(yes) {
  const element = h(
    'dialog',
    { 'aria-labelledby': 'sure' },
    h('h2', { id: 'sure' }, t('track.cancel.sure')),
    h('p', {}, t('track.cancel.detail')),
    h(
      'form',
      { method: 'dialog' },
      h('button', { class: 'primary' }, t('track.cancel.no')),
      h('button', { class: 'quiet danger', value: 'yes' }, t('track.cancel.yes')),
    ),
  );
  element.addEventListener('close', () => {
    if (element.returnValue === 'yes') yes();
    element.returnValue = '';
  });
  return element;
}
