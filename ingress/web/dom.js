// Elements, and words for those who listen.

/** An element: properties by name, `on` for listeners, `data` for its data set; children may be text or null. */
export function h(tag, { on = {}, data = {}, ...properties } = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  for (const [type, listener] of Object.entries(on)) element.addEventListener(type, listener);
  Object.assign(element.dataset, data);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** An SVG element. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Set an attribute; false and null take it away. */
export function set(element, name, value) {
  if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? '' : value);
}

/** Set a text, if it is another: what has not changed is not read aloud again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The lightning bolt of the brand; decoration. */
export const bolt = () =>
  svg(
    'svg',
    { class: 'bolt', viewBox: '0 0 24 24', 'aria-hidden': 'true' },
    svg('path', { d: 'M14 1 4 14h7l-2 9 11-14h-7z' }),
  );

/** Tell those who listen. */
export const announce = (text) => say(document.querySelector('#announcer'), text);

/** Put a view in the place of the last one, and the reader at its heading. */
export function present(view, focus = true) {
  const main = document.querySelector('main');
  main.replaceChildren(view);
  const heading = main.querySelector('h1');
  if (!focus || !heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}
