// The feed of a restaurant: a snapshot, then changes by sequence; resumed after any cut, so that nothing is missed.
import { pause, sleep } from './backoff.js';

/** Silence after which a connection is taken for dead, in milliseconds: the server speaks about once a second. */
const SILENCE = 6000;
/** Longest pause between two attempts: a board hangs on a wall for days, and nobody presses a button. */
const LONGEST = 10_000;
const UNAUTHORIZED = 4401;
const FORBIDDEN = 4403;
const TOO_MANY = 4429;

/**
 * Listen until the signal: `message` hears each; `state` hears connecting, open, lost, many, and last: refused.
 */
export async function listen({ restaurant, token, message, state, signal }) {
  let sequence = null;
  let failures = 0;
  state('connecting');
  while (!signal.aborted) {
    let open = false;
    const code = await connection({
      restaurant,
      token,
      sequence,
      signal,
      message: (said) => {
        failures = 0;
        if (!open) state('open'); // the server speaks only to whom it knows
        open = true;
        if (said.sequence !== undefined) sequence = said.sequence;
        message(said);
      },
    });
    if (signal.aborted) return;
    if (code === UNAUTHORIZED || code === FORBIDDEN) return state('refused');
    failures += 1;
    state(code === TOO_MANY ? 'many' : 'lost');
    await sleep(pause(failures, { first: 400, longest: LONGEST, atLeast: code === TOO_MANY ? 3000 : 0 }), signal);
  }
}

/** One connection from its opening to its end; returns the code it was closed with. */
function connection({ restaurant, token, sequence, signal, message }) {
  return new Promise((resolve) => {
    const url = new URL(`/v1/restaurants/${encodeURIComponent(restaurant)}/feed`, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url, 'promo.feed.v1');
    let watchdog = setTimeout(over, SILENCE);

    /** Do not wait for a farewell that may never come. */
    function over(code = 0) {
      clearTimeout(watchdog);
      window.removeEventListener('offline', cut);
      signal.removeEventListener('abort', cut);
      socket.onopen = socket.onmessage = socket.onclose = null;
      if (socket.readyState <= WebSocket.OPEN) socket.close();
      resolve(code);
    }
    const cut = () => over();
    window.addEventListener('offline', cut);
    signal.addEventListener('abort', cut);
    socket.onopen = () => {
      socket.send(JSON.stringify({ type: 'auth', token, ...(sequence === null ? {} : { after: sequence }) }));
    };
    socket.onmessage = ({ data }) => {
      clearTimeout(watchdog);
      watchdog = setTimeout(cut, SILENCE);
      message(JSON.parse(data));
    };
    socket.onclose = ({ code }) => over(code);
  });
}
