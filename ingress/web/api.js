// One request to our server and its answer.
import { learn } from './clock.js';
import { language } from './i18n.js';

/** Longest that an answer may take, in milliseconds: more than the server's own wait for a decision. */
const PATIENCE = 12_000;

/** No answer came: nobody knows whether the request did. */
export class NoAnswer extends Error {}

/** Status, parsed body, the slug of its problem and Retry-After in milliseconds; raises NoAnswer. */
export async function call(method, path, { headers = {}, body, token, signal } = {}) {
  const before = Date.now();
  const limit = AbortSignal.timeout(PATIENCE);
  try {
    const response = await fetch(path, {
      method,
      signal: signal ? either(signal, limit) : limit,
      headers: {
        'Accept-Language': language,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    learn(response.headers.get('Date'), before, Date.now());
    const text = await response.text();
    return {
      status: response.status,
      body: text ? JSON.parse(text) : null,
      slug: slug(response, text),
      retryAfter: 1000 * (Number(response.headers.get('Retry-After')) || 0),
    };
  } catch (error) {
    throw new NoAnswer(error.message);
  }
}

function slug(response, text) {
  if (response.ok || !response.headers.get('Content-Type')?.includes('problem+json')) return null;
  return JSON.parse(text).type.split('/').pop();
}

function either(...signals) {
  if (AbortSignal.any) return AbortSignal.any(signals);
  const both = new AbortController();
  for (const signal of signals) signal.addEventListener('abort', () => both.abort(signal.reason));
  return both.signal;
}

/** All items of a list that comes in pages, `most` at most; and the last page. Returns the answer that was no page. */
export async function list(path, { most = 500, signal } = {}) {
  const items = [];
  let cursor = null;
  for (;;) {
    const answer = await call('GET', path + (cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''), { signal });
    if (answer.status !== 200) return answer;
    items.push(...answer.body.items);
    cursor = answer.body.next_cursor;
    if (!cursor || items.length >= most) return { ...answer, body: { ...answer.body, items } };
  }
}
