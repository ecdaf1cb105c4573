// The texts in the reader's language, and numbers, money and times as that language writes them.
import TEXTS from './texts.js';
import { local } from './store.js';

export const LANGUAGES = ['pt-BR', 'en'];

const chosen = local.get('language');
export let language = LANGUAGES.includes(chosen) ? chosen : document.documentElement.lang;
document.documentElement.lang = language;

/** Add the texts of a part of the page. */
export const add = (texts) => Object.assign(TEXTS, texts);

/** Speak this language from now on; who shows texts renders again. */
export function speak(next) {
  language = next;
  local.set('language', next);
  document.documentElement.lang = next;
}

/** The text of a key, with its {values}. */
export function t(key, values = {}) {
  const text = TEXTS[key][LANGUAGES.indexOf(language)];
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Whether there is such a text. */
export const has = (key) => key in TEXTS;

/** Money as a person reads it. */
export const money = ({ amount, currency }) =>
  new Intl.NumberFormat(language, { style: 'currency', currency }).format(amount / 100);

/** An instant (RFC 3339, or milliseconds) as a time of day. */
export const time = (instant) =>
  new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit' }).format(new Date(instant));

/** What is left of a countdown: 1:02:03 or 12:03. */
export function countdown(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const two = (number) => String(number).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${hours ? `${hours}:` : ''}${two(minutes)}:${two(seconds % 60)}`;
}

/** The few characters by which people call an order; the same on both pages. */
export const code = (orderId) => orderId.slice(2, 6).toUpperCase();
