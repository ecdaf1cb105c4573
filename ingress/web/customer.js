// The customers' page: which view is shown, and what they share. The address says which: ?r= the restaurant,
// # the menu, #pedir the order, #pedido/… one that is on its way.
import { Cart, price } from './cart.js';
import { announce, present } from './dom.js';
import { head } from './head.js';
import { money, t } from './i18n.js';
import { homeView } from './home-view.js';
import { watch } from './menu-source.js';
import { menuView } from './menu-view.js';
import { orderView } from './order-view.js';
import { underWay } from './placing.js';
import { trackView } from './track-view.js';

const { restaurant, name } = document.body.dataset;
const cart = restaurant ? new Cart(restaurant) : null;

let shown = null; // what is shown: its signal ends when the next one is
let view = null;
let latest = null; // the menu as it was last seen

const follow = () => location.hash.slice(1).split('/');
const go = (where) => (location.hash = where === 'order' ? '#pedir' : '');

function show(focus = true) {
  shown?.abort();
  shown = new AbortController();
  const [where, orderId] = follow();
  view = null;
  if (where === 'pedido') present(trackView(decodeURIComponent(orderId ?? ''), shown.signal), focus);
  else if (!restaurant) present(homeView(go, shown.signal), focus);
  else ordering(where, focus);
}

function ordering(where, focus) {
  const shared = { restaurant, name, cart, go, signal: shown.signal, done: (id) => (location.hash = `#pedido/${id}`) };
  view = where === 'pedir' && (cart.count || underWay(restaurant) || !latest) ? orderView(shared) : menuView(shared);
  present(view.element, focus);
  if (latest) view.menu(latest);
  view.started?.();
  watch(restaurant, { menu, trouble, signal: shown.signal });
}

function menu(state) {
  latest = state;
  cart.know(state.items);
  if (!underWay(restaurant)) {
    // what was sent may have taken the portions itself: until its outcome is known, nothing is cut
    const said = cart
      .fit()
      .map(({ item, count }) => t(count ? 'cart.reduced' : 'cart.removed', { name: item.name, count }));
    for (const { item } of cart.repriced) said.push(t('cart.repriced', { name: item.name, price: money(price(item)) }));
    if (said.length) toast(said.join(' '));
  }
  view.menu(state);
}

function trouble(kind) {
  view.trouble?.(kind, latest?.at ?? null);
}

let hiding = 0;

/** Say something that the reader did not ask for, for a while. */
function toast(text) {
  const element = document.querySelector('#toast');
  element.textContent = text;
  element.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (element.hidden = true), 8000);
  announce(text);
}

window.addEventListener('hashchange', () => show());
head(() => show(false));
setInterval(() => view?.tick(), 500);
show(false);
