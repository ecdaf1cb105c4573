// The head of both pages: the way past it, and the switch of language.
import { h } from './dom.js';
import { LANGUAGES, language, speak, t } from './i18n.js';

const NAMES = { 'pt-BR': ['PT', 'Português'], en: ['EN', 'English'] };

/** Make the head work; `changed` renders all else again in another language. */
export function head(changed) {
  document.querySelector('.skip').addEventListener('click', (event) => {
    event.preventDefault(); // the fragment of the address says which view is shown
    const main = document.querySelector('main');
    main.tabIndex = -1;
    main.focus();
  });
  const buttons = LANGUAGES.map((each) =>
    h(
      'button',
      { type: 'button', lang: each, title: NAMES[each][1], on: { click: () => choose(each) } },
      NAMES[each][0],
      h('span', { class: 'unseen' }, ` ${NAMES[each][1]}`),
    ),
  );
  document.querySelector('#language').replaceChildren(...buttons);
  relabel();

  function relabel() {
    document.querySelector('#language').setAttribute('aria-label', t('language'));
    for (const each of document.querySelectorAll('[data-text]')) each.textContent = t(each.dataset.text);
    buttons.forEach((button, index) => button.setAttribute('aria-pressed', String(LANGUAGES[index] === language)));
  }

  function choose(next) {
    speak(next);
    relabel();
    changed();
  }
}
