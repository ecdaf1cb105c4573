// Who orders: the token of this device's customer. A reader notices it only where a promotion asks for a phone.
import { call } from './api.js';
import { local } from './store.js';

/** How long a token is used, in milliseconds: it is renewed before its year is over. */
const RENEWED_AFTER = 300 * 24 * 3600 * 1000;

/** The customer that was proved on this device, or null. */
function known() {
  const kept = local.get('customer');
  return kept?.token && Date.now() - kept.at < RENEWED_AFTER ? kept : null;
}

/** How well the customer is known: none, device or phone. */
export const assurance = () => known()?.assurance ?? 'none';

/** Keep a customer, as the server answers it. */
export const prove = ({ token, assurance }) => local.set('customer', { token, assurance, at: Date.now() });

/** The token is not accepted any more: the next order gets another one. */
export const forget = () => local.remove('customer');

/** The customer's token, a new one if there is none; '' where the server gives none now. Raises NoAnswer. */
export async function customerToken(signal) {
  if (!known()) {
    const answer = await call('POST', '/v1/customers', { signal });
    if (answer.status !== 201) return '';
    prove(answer.body);
    return answer.body.token;
  }
  return known().token;
}
