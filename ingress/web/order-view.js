// The order: its items, recipient and payment; and its sending until the outcome is known.
import { most, price } from './cart.js';
import { now } from './clock.js';
import { h, say, set } from './dom.js';
import { countdown, has, money, t } from './i18n.js';
import { assurance } from './identity.js';
import { keep } from './orders.js';
import { accepted, ATTEMPTS, begin, place, settle, underWay } from './placing.js';
import { local } from './store.js';

const TO = '/delivery_address';
/** Fields of the form: their place in the body, and what a browser may fill in. */
const FIELDS = {
  name: { at: '/customer/name', autocomplete: 'name', max: 200 },
  phone: { at: '/customer/phone', autocomplete: 'tel', type: 'tel', max: 40, sample: '(81) 99999-0000' },
  postal_code: { at: `${TO}/postal_code`, autocomplete: 'postal-code', inputmode: 'numeric', max: 20, sample: '50000-000' },
  street: { at: `${TO}/street`, autocomplete: 'address-line1', max: 200 },
  number: { at: `${TO}/number`, max: 20 },
  complement: { at: `${TO}/complement`, autocomplete: 'address-line2', max: 200, optional: true },
  district: { at: `${TO}/district`, autocomplete: 'address-level3', max: 200 },
  city: { at: `${TO}/city`, autocomplete: 'address-level2', max: 200 },
};
/** Copied unseen with a number, and refused; emoji need joiners. */
const HIDDEN = /(?!\u200c|\u200d)\p{Cf}/gu;
const ADDRESS = ['street', 'number', 'complement', 'district', 'city', 'postal_code'];
const PAYMENTS = ['pix', 'card', 'cash'];

/** What was typed, until the tab closes; on disk only when asked for. */
const draft = { payment: 'pix', remember: local.get('address') !== null, ...local.get('address') };

/** The order's view: { element, menu(state), tick() }. `done` hears the id of an order that went in. */
export function orderView({ restaurant, name, cart, go, done, signal }) {
  const problem = h('div', { class: 'problem', role: 'alert', tabindex: '-1', hidden: true });
  const lines = h('ul', { class: 'lines' });
  const total = h('strong');
  const rest = h('p', { class: 'rest', hidden: true }, `${t('order.countdown')} `, h('strong'));
  const send = h('button', { class: 'primary wide', type: 'submit' });
  const progress = h('p', { class: 'progress', role: 'status' });
  const inputs = Object.fromEntries(Object.entries(FIELDS).map(([key, field]) => [key, input(key, field)]));
  const fields = (...keys) => keys.map((key) => inputs[key].element);
  const locked = h(
    'fieldset',
    { class: 'plain' },
    h('fieldset', {}, h('legend', {}, t('order.who')), h('div', { class: 'grid' }, fields('name', 'phone'))),
    h(
      'fieldset',
      {},
      h('legend', {}, t('order.where')),
      h('div', { class: 'grid' }, fields(...ADDRESS)),
    ),
    h('fieldset', {}, h('legend', {}, t('order.pay')), h('div', { class: 'choices' }, PAYMENTS.map(choice))),
    h(
      'label',
      { class: 'check' },
      h('input', {
        type: 'checkbox',
        checked: draft.remember,
        on: { change: (event) => (draft.remember = event.target.checked) },
      }),
      h('span', {}, t('order.remember')),
    ),
  );
  const form = h(
    'form',
    { novalidate: true, on: { submit: (event) => (event.preventDefault(), submit()) } },
    locked,
    h('div', { class: 'sendbar' }, rest, send, progress),
  );
  const element = h(
    'div',
    { class: 'view order' },
    h('p', {}, h('a', { class: 'back', href: '#' }, '‹ ', t('order.back'))),
    h('h1', {}, t('order.heading')),
    h('p', { class: 'muted' }, name),
    problem,
    h(
      'section',
      { class: 'summary', 'aria-label': t('cart.label') },
      lines,
      h('p', { class: 'total' }, h('span', {}, t('order.total')), total),
    ),
    form,
  );
  let ends = null;
  let sending = false;

  function menu({ items }) {
    const open = items.filter((item) => item.promotion && cart.of(item.sku));
    ends = open.length ? Math.min(...open.map((item) => Date.parse(item.promotion.ends_at))) : null;
    summary();
    tick();
  }

  function summary() {
    const waiting = sending || underWay(restaurant) !== null;
    const shown = JSON.stringify([waiting, cart.body, cart.lines.map(({ item }) => most(item))]);
    if (lines.dataset.shown !== shown) {
      const focused = document.activeElement?.dataset.focus;
      lines.dataset.shown = shown;
      lines.replaceChildren(...cart.lines.map((each) => line(each, waiting)));
      if (focused)
        (lines.querySelector(`[data-focus="${CSS.escape(focused)}"]`) ?? element.querySelector('h1')).focus();
    }
    say(total, money(cart.total));
    if (waiting) return;
    const empty = cart.count === 0;
    if (empty && !lines.children.length) lines.replaceChildren(h('li', { class: 'muted' }, t('order.empty')));
    send.disabled = empty;
    say(send, t('order.send', { total: money(cart.total) }));
  }

  function line({ item, quantity }, waiting) {
    const step = (by, key, sign) =>
      h(
        'button',
        {
          class: 'step',
          type: 'button',
          'aria-label': t(key, { name: item.name }),
          disabled: waiting || (by > 0 && quantity >= most(item)),
          data: { focus: `${item.sku}${by}` },
          on: {
            click: () => {
              cart.put(item.sku, quantity + by);
              summary();
            },
          },
        },
        sign,
      );
    return h(
      'li',
      {},
      h('span', { class: 'line-name' }, item.name),
      h(
        'span',
        { class: 'stepper', role: 'group', 'aria-label': t('menu.quantity', { name: item.name }) },
        step(-1, 'menu.less', '−'),
        h('output', {}, String(quantity)),
        step(1, 'menu.more', '+'),
      ),
      h('span', { class: 'line-price' }, money({ ...price(item), amount: quantity * price(item).amount })),
    );
  }

  function tick() {
    const left = ends === null ? 0 : ends - now();
    rest.hidden = left <= 0;
    if (left > 0) say(rest.lastChild, countdown(left));
  }

  function submit() {
    if (sending) return;
    const attempt = underWay(restaurant);
    if (attempt) return void carry(attempt);
    const missing = Object.entries(inputs).filter(([key, { check }]) => !check(key));
    if (missing.length) {
      tell(t('order.check'));
      inputs[missing[0][0]].control.focus();
      return;
    }
    if (draft.remember)
      local.set('address', Object.fromEntries(Object.keys(FIELDS).map((key) => [key, draft[key] ?? ''])));
    else local.remove('address');
    if (asksForPhone() && assurance() !== 'phone') return void proveAndOrder();
    carry(begin(restaurant, body()));
  }

  const asksForPhone = () =>
    cart.lines.some(({ item }) => item.promotion?.customer_assurance === 'phone');

  /** A promotion asks for a phone: the order is sent once it is proved. */
  async function proveAndOrder() {
    const { provePhone } = await import('./code-dialog.js'); // few orders need it
    if (await provePhone(draft.phone, signal)) carry(begin(restaurant, body()));
    else if (!signal.aborted) tell(t('problem.customer-required'), t('problem.customer-required.detail'));
  }

  const typed = (key) => draft[key].replace(HIDDEN, '').trim();

  function body() {
    return {
      restaurant_id: restaurant,
      items: cart.body,
      delivery_address: Object.fromEntries(ADDRESS.map((key) => [key, typed(key)])),
      payment: { method: draft.payment },
      customer: { name: typed('name'), phone: typed('phone') },
    };
  }

  /** Send an order until its outcome is known, or until there is nothing to do but ask the reader. */
  async function carry(attempt) {
    lock(true);
    tell('');
    const outcome = await place(
      attempt,
      ({ attempt: number, delay, crowded }) => {
        const values = { attempt: number, attempts: ATTEMPTS, seconds: Math.max(1, Math.round(delay / 1000)) };
        say(progress, t(crowded ? 'order.busy' : 'order.retrying', values));
      },
      signal,
    );
    if (signal.aborted) return;
    lock(false);
    if (outcome.kind === 'unknown') {
      locked.disabled = true;
      send.disabled = false;
      say(send, t('order.again'));
      tell(t('order.unknown'), t('order.unknown.detail'));
    } else if (outcome.kind === 'refused') {
      settle(restaurant);
      if (outcome.slug === 'customer-required' && outcome.body.required_assurance === 'phone') proveAndOrder();
      else refused(outcome);
    } else {
      keep(outcome.body, name);
      if (outcome.kind === 'confirmed') settle(restaurant);
      else accepted(restaurant, outcome.body.order_id);
      cart.empty();
      done(outcome.body.order_id);
    }
  }

  function lock(busy) {
    sending = busy;
    locked.disabled = send.disabled = busy;
    set(form, 'aria-busy', busy ? 'true' : null);
    say(send, t('order.sending'));
    say(progress, '');
    summary();
  }

  function refused({ slug, body: said }) {
    const names = (skus) => skus.map((sku) => cart.items.get(sku)?.name ?? sku);
    let detail = has(`problem.${slug}.detail`)
      ? t(`problem.${slug}.detail`, { left: '', names: names(said.skus ?? []).join(', ') })
      : (said.detail ?? '');
    if (slug === 'out-of-stock') detail = leftOver(said.items ?? []);
    if (slug === 'unknown-item') for (const sku of said.skus ?? []) cart.put(sku, 0);
    if (slug === 'invalid-request') detail = (said.errors ?? []).map((fault) => mark(fault)).join(' ');
    summary();
    tell(has(`problem.${slug}`) ? t(`problem.${slug}`) : (said.title ?? t('problem.other')), detail);
  }

  /** What is left of each item that there is too little of; the cart takes no more than that. */
  function leftOver(items) {
    const left = items.filter(({ available }) => available > 0);
    const texts = left.map(({ sku, available }) =>
      t('problem.left', {
        name: cart.items.get(sku)?.name ?? sku,
        count: t(available === 1 ? 'menu.left.one' : 'menu.left.few', { count: available }).toLowerCase(),
      }),
    );
    for (const { sku, available } of items) cart.put(sku, Math.min(cart.of(sku), available));
    return left.length ? t('problem.out-of-stock.detail', { left: texts.join(' ') }) : t('problem.out-of-stock.none');
  }

  /** Mark the field of a fault; returns what it says where there is no such field. */
  function mark({ pointer, detail }) {
    const [key] = Object.entries(FIELDS).find(([, field]) => field.at === pointer) ?? [];
    if (!key) return detail;
    inputs[key].fault(detail);
    return `${t(`order.${key}`)}: ${detail}.`;
  }

  function tell(title, detail = '') {
    problem.hidden = !title;
    problem.replaceChildren(...(title ? [h('strong', {}, title), detail ? h('span', {}, detail) : ''] : []));
    if (title) problem.focus();
  }

  function input(key, field) {
    const hint = h('span', { class: 'fault', id: `${key}-fault`, hidden: true });
    const control = h('input', {
      id: key,
      name: key,
      type: field.type ?? 'text',
      inputmode: field.inputmode,
      autocomplete: field.autocomplete ?? 'off',
      maxlength: field.max,
      placeholder: field.sample,
      required: !field.optional,
      on: {
        input: () => {
          draft[key] = control.value;
          fault('');
        },
      },
    });
    control.value = draft[key] ?? '';
    draft[key] = control.value;
    const caption = h(
      'label',
      { for: key },
      t(`order.${key}`),
      field.optional ? h('small', {}, ` (${t('order.optional')})`) : null,
    );
    function fault(text) {
      hint.hidden = !text;
      say(hint, text);
      set(control, 'aria-invalid', text ? 'true' : null);
      set(control, 'aria-describedby', text ? hint.id : null);
    }
    function check() {
      const good = field.optional || control.value.trim() !== '';
      fault(good ? '' : t('order.required'));
      return good;
    }
    return { element: h('div', { class: `field ${key}` }, caption, control, hint), control, fault, check };
  }

  function choice(method) {
    return h(
      'label',
      { class: 'choice' },
      h('input', {
        type: 'radio',
        name: 'payment',
        value: method,
        checked: draft.payment === method,
        on: { change: () => (draft.payment = method) },
      }),
      h('span', {}, h('strong', {}, t(`order.${method}`)), h('small', {}, t(`order.${method}.detail`))),
    );
  }

  /** Shown: an order whose outcome is not known goes on by itself, so a reload loses none. */
  function started() {
    const attempt = underWay(restaurant);
    summary();
    if (attempt) carry(attempt);
  }

  return { element, menu, tick, started };
}
