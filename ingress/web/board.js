// The restaurant's page: the token, asked for once, then the board; read-only.
import { call } from './api.js';
import BOARD_TEXTS from './board-texts.js';
import { boardView } from './board-view.js';
import { chime, sound } from './chime.js';
import { now } from './clock.js';
import { announce, h, present, say, set } from './dom.js';
import { listen } from './feed.js';
import { head } from './head.js';
import { add, code, t, time } from './i18n.js';
import { Kitchen } from './kitchen.js';
import { session } from './store.js';

add(BOARD_TEXTS);

const { restaurant, name } = document.body.dataset;
const KEY = `board.${restaurant}`;

const tools = document.querySelector('#tools');
const warning = document.querySelector('#warning');
const state = h('p', { class: 'state', role: 'status' });
const ring = h('button', { class: 'quiet', type: 'button', 'aria-pressed': 'false', on: { click: toggle } });
const leave = h('button', { class: 'quiet', type: 'button', on: { click: forget } });

let kitchen = null;
let view = null;
let listening = null;
let link = 'connecting'; // what the feed's connection is doing
let since = null; // when it was lost, by our clock

function show() {
  const token = session.get(KEY);
  tools.replaceChildren(...(token ? [state, ring, leave] : []));
  label();
  if (!token) return present(asking(''), false);
  kitchen ??= new Kitchen();
  view = boardView(kitchen);
  present(h('div', {}, h('h1', { class: 'unseen' }, `${t('board.heading')}: ${name}`), view.element), false);
  if (kitchen.stats) view.update();
  if (listening) return;
  listening = new AbortController();
  listen({ restaurant, token, message: heard, state: linked, signal: listening.signal });
}

function heard(message) {
  const fresh = kitchen.take(message);
  if (fresh.length) {
    chime();
    announce(fresh.map((order) => t('board.new', { code: code(order.order_id) })).join(' '));
  }
  if (message.type === 'snapshot' || message.type === 'change') view.update();
  label();
}

function linked(kind) {
  if (kind === 'refused') {
    stop();
    session.remove(KEY);
    tools.replaceChildren();
    return present(asking(t('board.token.wrong')));
  }
  if (kind === 'open') call('GET', '/health/live').catch(() => {}); // ages are by the server's clock
  if (kind === 'lost' && link !== 'lost') since = now();
  link = kind;
  label();
}

/** Say how far what is shown can be believed. */
function label() {
  const degraded = link === 'open' && kitchen?.degraded;
  const shown =
    link === 'lost' || link === 'many' ? 'lost' : link === 'open' ? (degraded ? 'degraded' : 'live') : 'connecting';
  state.dataset.state = shown;
  say(state, t(`board.state.${shown}`));
  const on = ring.getAttribute('aria-pressed') === 'true';
  say(ring, t(on ? 'board.sound.on' : 'board.sound.off'));
  say(leave, t('board.leave'));
  const text = !listening
    ? ''
    : link === 'many'
      ? t('board.warning.many')
      : link === 'lost'
        ? t('board.warning.lost', { time: time(since) })
        : degraded && kitchen.asOf
          ? t('board.warning.degraded', { time: time(kitchen.asOf) })
          : '';
  warning.hidden = !text;
  say(warning, text);
  document.body.dataset.link = shown;
}

function toggle() {
  const on = ring.getAttribute('aria-pressed') !== 'true';
  set(ring, 'aria-pressed', String(on));
  sound(on);
  label();
}

function stop() {
  listening?.abort();
  listening = kitchen = view = null;
  link = 'connecting';
}

function forget() {
  stop();
  session.remove(KEY);
  show();
}

/** The form that asks for the token; what it is stays in this tab, and out of the address. */
function asking(fault) {
  const control = h('input', {
    id: 'token',
    type: 'password',
    autocomplete: 'off',
    spellcheck: 'false',
    required: true,
    'aria-describedby': 'token-detail',
    'aria-invalid': fault ? 'true' : null,
  });
  const submit = (event) => {
    event.preventDefault();
    const token = control.value.trim();
    if (!token) return control.focus();
    session.set(KEY, token);
    show();
  };
  return h(
    'form',
    { class: 'view asking', on: { submit } },
    h('h1', {}, t('board.heading')),
    h('p', { class: 'lead' }, name),
    h('p', { class: 'problem', role: 'alert', hidden: !fault }, fault),
    h(
      'div',
      { class: 'field' },
      h('label', { for: 'token' }, t('board.token')),
      control,
      h('small', { id: 'token-detail', class: 'muted' }, t('board.token.detail')),
    ),
    h('button', { class: 'primary', type: 'submit' }, t('board.token.open')),
  );
}

head(show);
setInterval(() => view?.tick(), 1000);
show();
