// The server's time: what ends, ends by its clock, however wrong that of the phone is.

let offset = 0; // milliseconds to add to ours
let error = Infinity; // by how much it may be wrong

/** Learn from an answer: `date` is its Date header, whole seconds, sent between the two moments. */
export function learn(date, before, after) {
  const second = Date.parse(date);
  const bound = 500 + (after - before) / 2;
  if (Number.isNaN(second)) return;
  const found = second + 500 - (before + after) / 2;
  if (bound <= error || Math.abs(found - offset) > bound + error) {
    offset = found;
    error = bound;
  }
}

/** Milliseconds since 1970, by the server's clock. */
export const now = () => Date.now() + offset;
