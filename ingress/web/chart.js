// Orders per minute as bars: to look at as a picture, to hear as one sentence.
import { h, say, set, svg } from './dom.js';
import { t } from './i18n.js';

const [WIDTH, HEIGHT, GAP] = [300, 72, 4];

/** The chart: { element, update(counts, oldest first) }. */
export function rateChart() {
  const bars = Array.from({ length: 15 }, () => svg('rect', { rx: 2 }));
  const picture = svg(
    'svg',
    { class: 'chart', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', preserveAspectRatio: 'none' },
    ...bars,
  );
  const last = h('strong', { class: 'figure' });
  const unit = h('span', { class: 'unit' });
  const axis = h('p', { class: 'axis', 'aria-hidden': 'true' }, h('span'), h('span'));
  const element = h(
    'div',
    { class: 'rate' },
    h('div', { class: 'rate-now' }, last, unit),
    h('div', { class: 'rate-chart' }, picture, axis),
  );

  function update(counts) {
    const most = Math.max(1, ...counts);
    const width = WIDTH / counts.length;
    bars.forEach((bar, index) => {
      const count = counts[index] ?? 0;
      const height = Math.max(2, (count / most) * (HEIGHT - 2));
      for (const [name, value] of Object.entries({
        x: index * width + GAP / 2,
        y: HEIGHT - height,
        width: width - GAP,
        height,
      }))
        set(bar, name, value.toFixed(1));
      set(bar, 'class', index === counts.length - 1 ? 'last' : count ? '' : 'zero');
    });
    const now = counts.at(-1) ?? 0;
    set(picture, 'aria-label', t('board.rate.label', { last: now, most: Math.max(0, ...counts) }));
    say(last, String(now));
    say(unit, t('board.rate.now'));
    say(axis.firstChild, t('board.rate.axis'));
    say(axis.lastChild, t('board.rate.axis.now'));
  }

  return { element, update };
}
