// The restaurants whose promotions are open now.
import { list, NoAnswer } from './api.js';
import { pause, seen, sleep } from './backoff.js';
import { bolt, h } from './dom.js';
import { t } from './i18n.js';
import { ordersStrip } from './orders-strip.js';

const EVERY = 8000;
const SPREAD = 4000;
/** Most restaurants that are listed. */
const MOST = 300;

/** The view, and its asking until the signal. */
export function homeView(go, signal) {
  const lists = h('div', { class: 'lists' }, h('p', { class: 'muted loading' }, t('menu.loading')));
  const element = h(
    'div',
    { class: 'view home' },
    h(
      'section',
      { class: 'hero' },
      h(
        'div',
        { class: 'hero-text' },
        h('p', { class: 'eyebrow' }, bolt(), h('span', {}, t('home.eyebrow'))),
        h('h1', {}, t('home.heading')),
        h('p', { class: 'lead' }, t('customer.description')),
      ),
    ),
    ordersStrip(go),
    lists,
  );
  ask(lists, signal);
  return element;
}

async function ask(lists, signal) {
  let shown = null;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const answer = await list('/v1/restaurants?promo=true&limit=100', { most: MOST, signal });
      failures = answer.status === 200 ? 0 : failures + 1;
      if (answer.status === 200) shown = render(lists, answer.body, shown);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      failures += 1;
    }
    if (failures && shown === null && !signal.aborted) lists.replaceChildren(blank('menu.unavailable'));
    await seen(signal);
    await sleep(failures ? pause(failures, { first: 1000, longest: 15_000 }) : EVERY + Math.random() * SPREAD, signal);
  }
}

const blank = (key) => h('div', { class: 'blank' }, h('h2', {}, t(key)), h('p', {}, t(`${key}.detail`)));

/** Show them, if they are others than those shown; returns what is shown. */
function render(lists, { items, next_cursor }, shown) {
  const found = JSON.stringify([items, next_cursor]);
  if (found === shown) return shown;
  lists.replaceChildren(
    items.length
      ? h(
          'ul',
          { class: 'restaurants' },
          items.map((entry) =>
            h(
              'li',
              {},
              h(
                'a',
                { href: `/?r=${encodeURIComponent(entry.restaurant_id)}` },
                h('strong', {}, entry.name),
                h('span', { class: 'off' }, t('home.open')),
                h('em', {}, t('home.see')),
              ),
            ),
          ),
        )
      : blank('home.none'),
    next_cursor ? h('p', { class: 'muted' }, t('home.more')) : '',
  );
  return found;
}
