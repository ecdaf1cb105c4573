// The dialog that proves a phone: a code goes there, and is typed here.
import { call, NoAnswer } from './api.js';
import CODE_TEXTS from './code-texts.js';
import { h, say, set } from './dom.js';
import { add, t } from './i18n.js';
import { prove } from './identity.js';

add(CODE_TEXTS);

const VERIFICATIONS = '/v1/customers/verifications';

/** Ask for a phone and its code; resolves to whether the phone was proved. */
export function provePhone(phone, signal) {
  let verification = null;
  let busy = false;
  let proved = false;

  const fault = h('p', { class: 'fault', id: 'code-fault', role: 'alert', hidden: true });
  const number = field('code-phone', t('code.phone'), { type: 'tel', autocomplete: 'tel', maxlength: 40 });
  const digits = field('code-digits', t('code.digits'), {
    type: 'text',
    inputmode: 'numeric',
    autocomplete: 'one-time-code',
    maxlength: 6,
  });
  number.control.value = phone;
  const sent = h('p', { role: 'status', hidden: true });
  const next = h('button', { class: 'primary', type: 'submit' }, t('code.send'));
  const again = h('button', { class: 'quiet', type: 'button', hidden: true, on: { click: () => request() } }, t('code.again'));
  const leave = h('button', { class: 'quiet', type: 'button', on: { click: () => element.close() } }, t('code.leave'));
  const form = h(
    'form',
    { novalidate: true, on: { submit: (event) => (event.preventDefault(), verification ? check() : request()) } },
    number.element,
    digits.element,
    fault,
    next,
    again,
    leave,
  );
  const element = h(
    'dialog',
    { class: 'code', 'aria-labelledby': 'code-heading' },
    h('h2', { id: 'code-heading' }, t('code.heading')),
    h('p', {}, t('code.detail')),
    sent,
    form,
  );
  digits.element.hidden = true;

  function field(id, caption, properties) {
    const control = h('input', { id, required: true, 'aria-describedby': 'code-fault', ...properties });
    return { control, element: h('div', { class: 'field' }, h('label', { for: id }, caption), control) };
  }

  /** Send one request at a time; returns its answer, or null after saying that none came. */
  async function ask(path, body) {
    if (busy) return null;
    busy = true;
    set(form, 'aria-busy', 'true');
    refuse('');
    try {
      const answer = await call('POST', path, { body, signal });
      if (answer.status === 503) refuse(t('code.out'));
      return answer.status === 503 ? null : answer;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      refuse(t('code.out'));
      return null;
    } finally {
      busy = false;
      set(form, 'aria-busy', null);
    }
  }

  async function request() {
    const to = number.control.value.trim();
    const answer = await ask(VERIFICATIONS, { phone: to });
    if (!answer) return;
    if (answer.status === 429) {
      const seconds = Math.ceil(answer.retryAfter / 1000);
      return refuse(seconds > 120 ? t('code.later') : t('code.wait', { seconds }));
    }
    if (answer.status !== 202) return refuse(t('code.phone.wrong'), number.control);
    verification = answer.body.verification_id;
    number.element.hidden = true;
    digits.element.hidden = again.hidden = sent.hidden = false;
    digits.control.value = '';
    say(sent, t('code.sent', { phone: to }));
    say(next, t('code.check'));
    digits.control.focus();
  }

  async function check() {
    const answer = await ask(`${VERIFICATIONS}/${verification}`, { code: digits.control.value.trim() });
    if (!answer) return;
    if (answer.status === 200) {
      prove(answer.body);
      proved = true;
      return element.close();
    }
    const over = answer.slug === 'too-many-guesses' || answer.status === 404;
    refuse(over ? t('code.over') : answer.status === 429 ? t('code.later') : t('code.wrong'), over ? again : digits.control);
  }

  function refuse(text, focused = null) {
    fault.hidden = !text;
    say(fault, text);
    for (const { control } of [number, digits]) set(control, 'aria-invalid', text && control === focused ? 'true' : null);
    focused?.focus();
  }

  return new Promise((resolve) => {
    element.addEventListener('close', () => {
      element.remove();
      resolve(proved);
    });
    signal.addEventListener('abort', () => element.close());
    document.querySelector('main').append(element);
    element.showModal();
  });
}
