// One order asked for, however often it must be sent: always the same key and body until its outcome is known.
import { call, NoAnswer } from './api.js';
import { pause, sleep } from './backoff.js';
import { customerToken, forget } from './identity.js';
import { session, unique } from './store.js';

/** Most times that one order is sent before the reader is asked. */
export const ATTEMPTS = 8;
const AGAIN = [429, 500, 502, 503, 504];

const at = (restaurant) => `attempt.${restaurant}`;

/** The order that was sent and whose outcome is not known, or null; it outlives a reload. */
export const underWay = (restaurant) => session.get(at(restaurant));

/** Begin to order: the key is made here, once. */
export function begin(restaurant, body) {
  const attempt = { key: unique(), body };
  session.set(at(restaurant), attempt);
  return attempt;
}

/** It was accepted, as an order whose outcome comes later. */
export const accepted = (restaurant, orderId) =>
  session.set(at(restaurant), { ...underWay(restaurant), order_id: orderId });

/** The outcome is known: the next order has another key. */
export const settle = (restaurant) => session.remove(at(restaurant));

/** Who orders belongs to the order as its key does: the same in each attempt, also after a reload. */
async function identify(attempt, signal) {
  if (attempt.token !== undefined) return;
  attempt.token = await customerToken(signal);
  const { restaurant_id } = attempt.body;
  if (underWay(restaurant_id)?.key === attempt.key) session.set(at(restaurant_id), attempt);
}

/**
 * Send it until there is an answer: { kind: 'confirmed' | 'accepted' | 'refused' | 'unknown', body, slug }.
 * `waiting` hears of each new attempt and of the milliseconds until then, and whether it is the crowd's fault.
 */
export async function place(attempt, waiting, signal) {
  for (let number = 1; ; number += 1) {
    let answer = null;
    try {
      await identify(attempt, signal);
      const headers = { 'Idempotency-Key': attempt.key };
      answer = await call('POST', '/v1/orders', { headers, body: attempt.body, token: attempt.token, signal });
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
    }
    if (answer?.status === 201 || answer?.status === 202) {
      return { kind: answer.status === 201 ? 'confirmed' : 'accepted', body: answer.body };
    }
    const refused = answer?.status === 401 || answer?.slug === 'customer-forgotten'; // nothing was ordered: the key stays
    if (refused && attempt.token && number < ATTEMPTS) {
      forget();
      attempt.token = undefined;
      continue;
    }
    if (answer && !AGAIN.includes(answer.status)) {
      return { kind: 'refused', body: answer.body ?? {}, slug: answer.slug };
    }
    if (number === ATTEMPTS || signal?.aborted) return { kind: 'unknown' };
    const delay = pause(number, { atLeast: answer?.retryAfter ?? 0 });
    waiting({ attempt: number + 1, delay, crowded: answer?.status === 429 || answer?.slug === 'overloaded' });
    await sleep(delay, signal, Boolean(answer?.retryAfter));
  }
}
