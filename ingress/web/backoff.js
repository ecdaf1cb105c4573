// When to try again: full jitter under a doubling bound, never sooner than the server asks.

/** Milliseconds before the next attempt; `attempt` counts from 1, `atLeast` is what Retry-After says. */
export const pause = (attempt, { first = 500, longest = 8000, atLeast = 0 } = {}) =>
  atLeast + Math.random() * Math.min(longest, first * 2 ** (attempt - 1));

/**
 * Wait; less when the network comes back or the page is looked at again, since both make trying worth while,
 * unless the server asked for the wait.
 */
export function sleep(milliseconds, signal, asked = false) {
  return new Promise((resolve) => {
    const look = () => document.visibilityState === 'visible' && done();
    const timer = setTimeout(done, milliseconds);
    function done() {
      clearTimeout(timer);
      window.removeEventListener('online', done);
      document.removeEventListener('visibilitychange', look);
      signal?.removeEventListener('abort', done);
      resolve();
    }
    if (!asked) {
      window.addEventListener('online', done);
      document.addEventListener('visibilitychange', look);
    }
    signal?.addEventListener('abort', done);
  });
}

/** Wait until somebody looks at the page. */
export async function seen(signal) {
  while (document.visibilityState !== 'visible' && !signal.aborted) await sleep(3_600_000, signal);
}
