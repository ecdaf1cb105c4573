// What becomes of an order: server-sent events over fetch (a token has no place in a URL), resumed by the
// last id after any cut, each told once.
import { pause, sleep } from './backoff.js';
import { learn } from './clock.js';

/** Silence after which a connection is taken for dead, in milliseconds: two heartbeats and a half. */
const SILENCE = 25_000;
/** Failures in a row after which it is left to the reader to try again. */
const ATTEMPTS = 40;
/** No status follows on these. */
export const FINAL = ['delivered', 'cancelled'];

/**
 * Follow an order until its end or the signal.
 * `changed` hears each change once, in order; `state` hears connecting, live, lost, refused, stopped and ended.
 */
export async function follow({ url, token, changed, state, signal }) {
  let last = null;
  let failures = 0;
  state('connecting');
  while (!signal.aborted && failures < ATTEMPTS) {
    let atLeast = 0;
    const connection = new AbortController();
    const stop = () => connection.abort();
    signal.addEventListener('abort', stop);
    window.addEventListener('offline', stop);
    try {
      const answer = await open(url, token, last, connection.signal);
      if ([401, 403, 404].includes(answer.status)) return state('refused');
      atLeast = 1000 * (Number(answer.headers.get('Retry-After')) || 0);
      if (answer.status === 200) {
        state('live');
        for await (const event of read(answer.body, connection)) {
          failures = 0;
          if (event.id === null || (last !== null && Number(event.id) <= Number(last))) continue;
          last = event.id;
          const change = JSON.parse(event.data);
          changed(change);
          if (FINAL.includes(change.status)) return state('ended');
        }
      }
    } catch {
      // the connection broke: the next one resumes
    } finally {
      stop();
      signal.removeEventListener('abort', stop);
      window.removeEventListener('offline', stop);
    }
    if (signal.aborted) return;
    failures += 1;
    state('lost');
    await sleep(pause(failures, { longest: 15_000, atLeast }), signal, atLeast > 0);
  }
  if (!signal.aborted) state('stopped');
}

async function open(url, token, last, signal) {
  const before = Date.now();
  const headers = { Accept: 'text/event-stream', Authorization: `Bearer ${token}` };
  if (last !== null) headers['Last-Event-ID'] = last;
  const answer = await fetch(url, { headers, signal, cache: 'no-store' });
  learn(answer.headers.get('Date'), before, Date.now());
  return answer;
}

/** The events of a stream; a silent connection is aborted. */
async function* read(stream, connection) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const watchdog = setTimeout(() => connection.abort(), SILENCE);
    const { done, value } = await reader.read().finally(() => clearTimeout(watchdog));
    if (done) return;
    const blocks = (rest + value).replace(/\r\n?/g, '\n').split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const event = parse(block);
      if (event.data !== '') yield event;
    }
  }
}

/** One event of its lines: its id (null: none) and data; comments are nothing. */
export function parse(block) {
  const event = { id: null, data: '' };
  for (const line of block.split('\n')) {
    const [, field, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (field === 'id') event.id = value;
    if (field === 'data') event.data += event.data ? `\n${value}` : value;
  }
  return event;
}
