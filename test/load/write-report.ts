import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { barChart, type BarGroup } from './bar-chart.js';
import type { Contest } from './measure-calls.js';
import { costOf, goalsOf, isMet, type Goal, type Report } from './report.js';
import { reasonsFor } from './shortfalls.js';
import type { StorageResult } from './storage.js';
import { spreadOf, type Spread } from './statistics.js';

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
const KEPT = join(DOCS, 'performance.json');

/** @param folder of performance.md, performance.json and the plots */
export async function writeReport(run: Report, folder = DOCS): Promise<void> {
  const last = await lastReport();
  const report: Report = { ...(last?.quick === run.quick ? last : {}), ...run };
  const style = await resolveConfig(KEPT);
  await mkdir(join(folder, 'performance'), { recursive: true });
  for (const [name, plot] of Object.entries(plotsOf(report))) {
    await writeFile(join(folder, 'performance', `${name}.svg`), plot);
  }
  await writeFile(join(folder, 'performance.md'), await format(markdownOf(report), { ...style, parser: 'markdown' }));
  await writeFile(join(folder, 'performance.json'), await format(JSON.stringify(report), { ...style, parser: 'json' }));
}

/** What is better or worse than in the last run by more than a tenth, and the goals that are missed. */
export async function summaryOf(run: Report): Promise<readonly string[]> {
  const last = await lastReport();
  const before = new Map((last === undefined ? [] : goalsOf(last)).map(({ title, value }) => [title, value]));
  return goalsOf(run).map((goal) => {
    const earlier = before.get(goal.title);
    const change = earlier === undefined ? '' : `, last run ${shown({ ...goal, value: earlier })}`;
    return `${isMet(goal) ? 'met   ' : 'MISSED'} ${goal.title}: ${shown(goal)} (${bound(goal)})${change}`;
  });
}

async function lastReport(): Promise<Report | undefined> {
  const text = await readFile(KEPT, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Report);
}

const DIGITS = (value: number) => (value < 10 ? 2 : 0);
const shown = ({ value, unit = '', digits = DIGITS(value) }: Goal) => `${value.toFixed(digits)} ${unit}`.trimEnd();
const bound = ({ atLeast, atMost, unit = '' }: Goal) =>
  atLeast === undefined ? `at most ${atMost ?? ''} ${unit}`.trimEnd() : `at least ${atLeast} ${unit}`.trimEnd();
const tenths = ({ low, median, high }: Spread) => `${median.toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})`;
const range = ({ low, median, high }: Spread) => `${median.toFixed(0)} (${low.toFixed(0)} to ${high.toFixed(0)})`;
const table = (heads: readonly string[], rows: readonly (readonly string[])[]) =>
  [heads, heads.map((_, index) => (index === 0 ? '---' : '---:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');

function contestTable(contests: Readonly<Record<string, Contest>>): string {
  return table(
    ['Call', 'Server', 'Requests/s (quartiles)', 'CPU µs (quartiles)', 'PostgreSQL µs', 'p50 ms', 'p99 ms'],
    Object.entries(contests).flatMap(([call, contest]) =>
      Object.entries(contest).map(([who, { perSecond, cpuUs, databaseUs, p50, p99 }]) => [
        call,
        who,
        range(perSecond),
        range(cpuUs),
        databaseUs.median.toFixed(0),
        p50.median.toFixed(1),
        p99.median.toFixed(1),
      ]),
    ),
  );
}

function markdownOf(report: Report): string {
  const { calls, growth, start, memory, streams, embedded, observing, storage } = report;
  const goals = goalsOf(report);
  const part = (title: string, text: string | undefined) => (text === undefined ? [] : [`## ${title}`, text]);
  return [
    '# Performance',
    'Written by `npm run bench`; the figures are in [performance.json](performance.json).',
    `Measured on ${report.date} on ${report.machine}; ${Object.entries(report.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.${report.quick ? ' A quick run: few rounds, so that its figures are rough.' : ''}`,
    'The server that is measured has one core; PostgreSQL, which does not wait for the disk, and the load (wrk, 16 connections) have another. Each round makes a call of every server in turn, every second one backwards; figures are medians of the rounds, and ratios are taken round by round. CPU is that of the server for a request. The peers (`test/load/peers/`) work on the same tables, check the token by jose and the session by SQL, log a line a request, and must give the same answers and leave the same rows before anything is measured.',
    '## Goals',
    `${goals.filter(isMet).length} of ${goals.length} are met.`,
    table(
      ['Figure', 'Value', 'Goal', ''],
      goals.map((goal) => [goal.title, shown(goal), bound(goal), isMet(goal) ? 'met' : '**missed**']),
    ),
    ...part('What is missed, and why', reasonsFor(goals.filter((goal) => !isMet(goal))).join('\n\n') || undefined),
    ...part('REST', calls?.rest && `![CPU of REST calls](performance/rest.svg)\n\n${contestTable(calls.rest)}`),
    ...part(
      'GraphQL',
      calls?.graphql && `![CPU of GraphQL calls](performance/graphql.svg)\n\n${contestTable(calls.graphql)}`,
    ),
    ...part(
      'Growth',
      growth &&
        `CPU of the service and of PostgreSQL for a request, by the messages in the database.\n\n![Cost by size](performance/growth.svg)\n\n${growthTable(growth)}`,
    ),
    ...part(
      'Start, and memory at rest',
      start &&
        table(
          ['On', 'First answer, ms (quartiles)', 'Resident MB'],
          Object.entries(start).map(([on, { startMs, residentMb }]) => [
            on,
            range(startMs),
            residentMb.median.toFixed(0),
          ]),
        ),
    ),
    ...part(
      'Idle subscriptions',
      memory &&
        table(
          ['By', 'Open', 'Resident KB each', 'Heap KB each', 'CPU ms to open one', 'CPU ms a second, of all'],
          Object.entries(memory).map(([door, { count, residentKb, heapKb, openingMs, idleCpuMs }]) => [
            door,
            String(count),
            ...[residentKb, heapKb, openingMs, idleCpuMs].map((value) => value.toFixed(1)),
          ]),
        ),
    ),
    ...part('Streams', streams && streamTables(streams, report.quick)),
    ...part('The embedded database', embedded && contestTable(embedded)),
    ...part(
      'Metrics and traces',
      observing &&
        `What is told of a request takes ${observing.alone.metrics.toFixed(1)} µs with \`METRICS_PORT\`, and ${observing.alone.traces.toFixed(1)} µs with \`OTEL_EXPORTER_OTLP_ENDPOINT\` and one request in a hundred sampled, measured by itself in one process (the least of fifteen rounds): the goals are that over a whole request. Two processes of the same program differ by more:\n\n${contestTable(observing.calls)}`,
    ),
    ...part('What is stored', storage && storageTable(storage)),
  ].join('\n\n');
}

function streamTables({ shared, running }: NonNullable<Report['streams']>, isQuick: boolean): string {
  const afterwards = isQuick
    ? ''
    : ' Both are measured from three seconds after their streams were opened, and the service when it has been at work';
  return [
    `What an event costs for each of the 50 readers that a reply has, beside a loop that does nothing but write as many bytes to as many readers.${afterwards}:`,
    table(
      ['By', 'CPU µs (quartiles)', 'Bare loop, µs', 'Ratio'],
      Object.entries(shared).map(([door, { cpuUs, bareUs, ratio }]) => [
        door,
        tenths(cpuUs),
        tenths(bareUs),
        ratio.toFixed(2),
      ]),
    ),
    'Replies that run at once, each with one reader, who is written ten events a second; p50 and p99 are from the socket of the model to that of the reader:',
    table(
      ['By', 'Replies', 'Events/s', 'CPU µs an event', 'p50 ms', 'p99 ms', 'Heap KB each'],
      Object.entries(running).map(([door, { count, read, ...figures }]) => [
        door,
        String(count),
        read.toFixed(0),
        ...[figures.cpuUs, figures.p50, figures.p99, figures.heapKb].map((value) => value.toFixed(1)),
      ]),
    ),
  ].join('\n\n');
}

function storageTable({ exchanges, questionLength, answerLength, tables, walBytes, ...cpu }: StorageResult): string {
  return [
    `After ${exchanges.toLocaleString('en')} questions of ${questionLength} characters with answers of ${answerLength}, which come in ten pieces a second, asked over GraphQL and followed to their end (SSE) by 40 users at once. An exchange, with all of that, takes ${(cpu.cpuUs / 1_000).toFixed(1)} ms of the service's CPU and ${(cpu.databaseUs / 1_000).toFixed(1)} ms of PostgreSQL's, and writes ${(walBytes / 1_000).toFixed(1)} KB of its log (WAL).`,
    table(
      ['Table', 'Rows', 'Bytes a row', 'Of indexes', 'Of these, the largest'],
      Object.entries(tables).map(([name, { rows, table: bytes, indexes, largest, ofLargest }]) => [
        name,
        rows.toLocaleString('en'),
        bytes.toFixed(0),
        indexes.toFixed(0),
        `${ofLargest.toFixed(0)} (${largest})`,
      ]),
    ),
  ].join('\n\n');
}

function growthTable(growth: NonNullable<Report['growth']>): string {
  const sizes = Object.keys(Object.values(growth)[0] ?? {});
  return table(
    ['Read', ...sizes.map((size) => `${Number(size).toLocaleString('en')}, µs`)],
    Object.entries(growth).map(([call, contest]) => [
      call,
      ...Object.values(contest).map((figures) => costOf(figures).toFixed(0)),
    ]),
  );
}

function plotsOf({ calls, growth }: Report): Readonly<Record<string, string>> {
  const groups = (contests: Readonly<Record<string, Contest>>): BarGroup[] =>
    Object.entries(contests).map(([title, contest]) => ({
      title,
      bars: Object.entries(contest).map(([label, { cpuUs }]) => ({
        label,
        spread: cpuUs,
        isOurs: label === 'product',
      })),
    }));
  const plots: Record<string, string> = {};
  for (const [door, contests] of Object.entries(calls ?? {})) {
    plots[door] = barChart('Microseconds of CPU a request: less is better', groups(contests));
  }
  if (growth !== undefined) {
    const bySize = Object.entries(growth).map(([title, contest]) => ({
      title,
      bars: Object.entries(contest).map(([size, figures]) => ({
        label: `${Number(size).toLocaleString('en')} messages`,
        spread: spreadOf([costOf(figures)]),
        isOurs: true,
      })),
    }));
    plots['growth'] = barChart('Microseconds of CPU a request, of the service and PostgreSQL', bySize);
  }
  return plots;
}
