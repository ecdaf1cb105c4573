// The menu as it is now: asked for again every second or two while somebody looks.
import { list, NoAnswer } from './api.js';
import { pause, seen, sleep } from './backoff.js';

/** Milliseconds between two questions, and by how much they are spread so that a crowd does not ask at once. */
const EVERY = 1500;
const SPREAD = 700;

/**
 * Ask until the signal: `menu` hears { items, degraded, at }; `trouble` hears unknown, unavailable or offline.
 */
export async function watch(restaurant, { menu, trouble, signal }) {
  let failures = 0;
  const path = `/v1/restaurants/${encodeURIComponent(restaurant)}/menu?limit=100`;
  while (!signal.aborted) {
    let atLeast = 0;
    try {
      const answer = await list(path, { signal });
      if (answer.status === 200) {
        failures = 0;
        menu({ items: answer.body.items, degraded: answer.body.degraded, at: Date.now() });
      } else if (answer.status === 404 || answer.status === 400) {
        return trouble('unknown');
      } else {
        failures += 1;
        atLeast = answer.retryAfter;
        trouble('unavailable');
      }
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      failures += 1;
      if (!signal.aborted) trouble('offline');
    }
    await seen(signal);
    const delay = failures
      ? pause(failures, { first: 1000, longest: 10_000, atLeast })
      : EVERY + Math.random() * SPREAD;
    await sleep(delay, signal, atLeast > 0);
  }
}
