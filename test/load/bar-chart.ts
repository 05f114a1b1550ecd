import type { Spread } from './statistics.js';

export interface Bar {
  readonly label: string;
  readonly spread: Spread;
  /** Whether it is one of the service. */
  readonly isOurs: boolean;
}

export interface BarGroup {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const LEFT = 260;
const WIDTH = 860;
const BAR = 16;

/** Bars of medians by group, each with a line from its lower to its upper quartile. */
export function barChart(title: string, groups: readonly BarGroup[]): string {
  const most = Math.max(...groups.flatMap(({ bars }) => bars.map(({ spread }) => spread.high)));
  const x = (value: number) => LEFT + (value / most) * (WIDTH - LEFT - 70);
  const lines: string[] = [];
  let y = 34;
  for (const { title: group, bars } of groups) {
    lines.push(`<text x="8" y="${y + 12}" font-weight="bold">${group}</text>`);
    for (const { label, spread, isOurs } of bars) {
      const { low, median, high } = spread;
      const middle = y + BAR / 2;
      lines.push(
        `<text x="${LEFT - 6}" y="${y + 12}" text-anchor="end">${label}</text>`,
        `<rect x="${LEFT}" y="${y}" width="${(x(median) - LEFT).toFixed(1)}" height="${BAR - 3}" fill="${isOurs ? '#2c7a4b' : '#b8bec9'}"/>`,
        `<path d="M${x(low).toFixed(1)} ${middle}H${x(high).toFixed(1)}" stroke="#333"/>`,
        `<text x="${(x(high) + 5).toFixed(1)}" y="${y + 12}">${median.toFixed(0)}</text>`,
      );
      y += BAR;
    }
    y += 10;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="8" y="20" font-size="14">${title}</text>
${lines.join('\n')}
</svg>
`;
}
