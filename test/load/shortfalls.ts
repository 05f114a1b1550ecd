// Why goals are missed: what a profile says of the call, and what would mend it. docs/performance.md tells those of the goals that the
// run missed. Shares are of the service's CPU in the call, from `npm run profile`.
import type { Goal } from './report.js';

interface Shortfall {
  /** Of the goals' titles. */
  readonly goals: RegExp;
  readonly why: string;
  readonly mend: string;
}

const SHORTFALLS: readonly Shortfall[] = [];

/** @returns a paragraph of Markdown for each reason, with the goals that it is one for; those without a reason come last */
export function reasonsFor(missed: readonly Goal[]): readonly string[] {
  const unexplained = missed.filter(({ title }) => SHORTFALLS.every(({ goals }) => !goals.test(title)));
  return [
    ...SHORTFALLS.flatMap(({ goals, why, mend }) => {
      const titles = missed.flatMap(({ title }) => (goals.test(title) ? [title] : []));
      return titles.length === 0 ? [] : [`**${titles.join('; ')}.** ${why} _What would mend it:_ ${mend}`];
    }),
    ...(unexplained.length === 0
      ? []
      : [`**${unexplained.map(({ title }) => title).join('; ')}.** Nobody has looked into it yet.`]),
  ];
}
