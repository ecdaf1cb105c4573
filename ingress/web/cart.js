// What is to be ordered from one restaurant, kept true to what there is.
import { session } from './store.js';

/** What one portion costs now. */
export const price = (item) => item.promo_price ?? item.price;

/** The most that can be asked for of an item; an uncertain count bounds nothing. */
export function most(item) {
  if (item.availability.state === 'sold_out') return 0;
  return Math.min(99, item.availability.count ?? 99);
}

export class Cart {
  constructor(restaurant) {
    this.key = `cart.${restaurant}`;
    this.quantities = session.get(this.key) ?? {};
    this.items = new Map();
    this.before = this.items;
  }

  /** How many of an item. */
  of(sku) {
    return this.quantities[sku] ?? 0;
  }

  put(sku, quantity) {
    if (quantity > 0) this.quantities[sku] = quantity;
    else delete this.quantities[sku];
    session.set(this.key, this.quantities);
  }

  empty() {
    this.quantities = {};
    session.remove(this.key);
  }

  /** Take the menu as it is now. */
  know(items) {
    this.before = this.items;
    this.items = new Map(items.map((item) => [item.sku, item]));
  }

  /** Ask for no more than there is; returns what had to change: { item, count } for each. */
  fit() {
    const changes = [];
    for (const sku of Object.keys(this.quantities)) {
      const item = this.items.get(sku);
      const count = item ? most(item) : 0;
      if (this.of(sku) > count) {
        const known = item ?? this.before.get(sku);
        if (known) changes.push({ item: known, count });
        this.put(sku, count);
      }
    }
    return changes;
  }

  /** Each line: { item, quantity }. */
  get lines() {
    return Object.entries(this.quantities)
      .filter(([sku]) => this.items.has(sku))
      .map(([sku, quantity]) => ({ item: this.items.get(sku), quantity }));
  }

  /** The lines whose price has changed since the menu was taken before. */
  get repriced() {
    const old = ({ sku }) => this.before.get(sku);
    return this.lines.filter(({ item }) => old(item) && price(old(item)).amount !== price(item).amount);
  }

  get count() {
    return this.lines.reduce((sum, line) => sum + line.quantity, 0);
  }

  get total() {
    const amount = this.lines.reduce((sum, line) => sum + line.quantity * price(line.item).amount, 0);
    return { amount, currency: this.lines.length ? price(this.lines[0].item).currency : 'BRL' };
  }

  /** The lines as POST /v1/orders takes them: a price that has changed is refused, not paid. */
  get body() {
    return this.lines.map(({ item, quantity }) => ({
      sku: item.sku,
      quantity,
      expected_unit_price: price(item),
    }));
  }
}
