// Notifications: offered where browser and server can, asked for only on a click.
import { call, NoAnswer } from './api.js';
import { h, say } from './dom.js';
import { t } from './i18n.js';

const WORKER = '/sw.js';
/** Made once: a second policy of this name is refused. */
const policy = window.trustedTypes?.createPolicy('promo', { createScriptURL: () => WORKER });

/** The offer for one order; empty where there is nothing to offer. */
export function offer(order, signal) {
  const place = h('div', { class: 'push' });
  if ('serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window) ask(place, order, signal);
  return place;
}

async function ask(place, order, signal) {
  let key;
  try {
    const answer = await call('GET', '/v1/push/key', { signal });
    if (answer.status !== 200) return;
    key = answer.body.key;
  } catch (error) {
    if (error instanceof NoAnswer) return;
    throw error;
  }
  const told = h('p', { class: 'muted', role: 'status' });
  const button = h('button', { class: 'button', type: 'button', on: { click: turnOn } }, t('track.push'));
  if (key) place.replaceChildren(button, told);

  async function turnOn() {
    button.disabled = true;
    try {
      if ((await Notification.requestPermission()) !== 'granted') {
        say(told, t('track.push.denied'));
        return;
      }
      const worker = await register();
      const subscription = await worker.pushManager.subscribe({
        userVisibleOnly: true,
        applicationServerKey: bytes(key),
      });
      const { endpoint, keys } = subscription.toJSON();
      const answer = await call('POST', `/v1/orders/${encodeURIComponent(order.order_id)}/push`, {
        token: order.token,
        body: { endpoint, keys },
      });
      if (answer.status >= 400) throw new NoAnswer(answer.slug);
      button.remove();
      say(told, t('track.push.on'));
    } catch {
      say(told, t('track.push.failed'));
      button.disabled = false;
    }
  }
}

async function register() {
  await navigator.serviceWorker.register(policy ? policy.createScriptURL('') : WORKER);
  return navigator.serviceWorker.ready;
}

/** The bytes of base64url. */
function bytes(text) {
  const plain = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}
