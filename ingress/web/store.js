// What is kept on this device: for good (local) or until the tab closes (session). A full or forbidden
// storage costs convenience, never an order.
const PREFIX = 'promo.';

const over = (name) => ({
  get(key) {
    try {
      return JSON.parse(window[name].getItem(PREFIX + key));
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      window[name].setItem(PREFIX + key, JSON.stringify(value));
    } catch {
      // nothing to be done; what is asked for next time is null
    }
  },
  remove(key) {
    try {
      window[name].removeItem(PREFIX + key);
    } catch {
      // as above
    }
  },
});

export const local = over('localStorage');
export const session = over('sessionStorage');

/** A random name that nobody else makes; also where crypto.randomUUID is not to be had (plain http). */
export const unique = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
