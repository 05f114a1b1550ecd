// Why goals are missed: what is known of it, and what would mend it. docs/performance.md tells those of the goals that the
// run missed. Shares are of the service's CPU in the call, from `npm run profile`.
import type { Goal } from './report.js';

interface Shortfall {
  /** Matches the titles of the goals. */
  readonly goals: RegExp;
  readonly why: string;
  readonly mend: string;
}

const SHORTFALLS: readonly Shortfall[] = [
  {
    goals: /^GraphQL .*: throughput over /,
    why: 'Most of what these calls cost is what every server pays for the same rows: of 50 messages, the sockets of Node, its encoding of text and its HTTP take 37 %, to make rows of the bytes of PostgreSQL 15 %, the functions that are compiled for rows and for their JSON 11 %, the rest of GraphQL 9 %, the door 7 %, Apollo 3 %, garbage 3 %. Statements that are shared ([decision 70](decisions/0070-reads-of-one-moment-share-a-statement.md), [decision 92](decisions/0092-messages-of-one-moment-share-a-statement.md)), rows made of their bytes ([decision 79](decisions/0079-rows-are-made-of-their-bytes.md)), lists that read what is asked for ([decision 84](decisions/0084-a-list-reads-what-is-asked-for.md)) and are written as text ([decision 91](decisions/0091-lists-are-written-as-text.md)), and requests that are forgotten while they are young ([decision 93](decisions/0093-requests-are-forgotten-while-they-are-young.md)) leave little that a server does in its own way: the log line, the life of a request in Apollo ([decision 72](decisions/0072-apollo-runs-operations-and-the-door-writes-answers.md)), resolvers, limits.',
    mend: 'little of what is left: content that is passed on as the text that PostgreSQL has would save 3 % of a list, and be shown otherwise there than by itself ([decision 91](decisions/0091-lists-are-written-as-text.md)). An answer that PostgreSQL writes whole would go past resolvers and the guards of their fields: that was not thought worth it.',
  },
  {
    goals: /^GraphQL .*: CPU over the same data by REST/,
    why: 'Of a single object, the difference is 14 to 18 µs beside 52 to 55 by REST on a quick machine, and four times that on a slow one: a body to read and to parse, variables to check and the life of a request in Apollo ([decision 72](decisions/0072-apollo-runs-operations-and-the-door-writes-answers.md)). The documents ask for every field that REST has: where REST has the id of another row, GraphQL has an object with an id: of 50 messages these are 200 objects more to make, to check and to write.',
    mend: 'a client that asks for what it shows: the five fields of the tables below cost what REST does.',
  },
  {
    goals: /^REST .* over by hand/,
    why: 'A list costs both the same to read and to write, and the service does what the peer leaves out: the envelope, headers of limits and versions, bounds of concurrent work, redaction of the log.',
    mend: 'nothing large is known. Quartiles below say how far apart two rounds of the same server are.',
  },
  {
    goals: /^Growth, /,
    why: 'What is read is bounded and does not grow with the table (a test compares rows read with rows given at size), and no statement is planned anew ([decision 94](decisions/0094-plans-are-made-once.md)); indexes have a level or two more, and two databases of one server differ by as much as their caches do. Which row is above the goal changes from run to run: that of conversations behind an offset was 1.31 in one and 1.11 to 1.14 in the next three, that of one conversation 1.13 and then 1.20, with less for 100,000 messages than for 1,000.',
    mend: 'more rounds than a run has of this.',
  },
  {
    goals: /^Start on /,
    why: 'A start is bound by CPU, and takes twice as long on a machine that is half as fast: on one on which `me` by hand takes 109 µs, it was 0.73 s on PostgreSQL and 1.9 s on an embedded folder, by a build that took a quarter and a sixth longer than this one in turns ([decision 54](decisions/0054-the-program-is-a-bundle.md)). On PostgreSQL a profile, before what V8 compiled was kept, said: Node itself and linking the bundle 24 %, graphql 12 % and type-graphql 5 % (the schema of its decorators, and its description, which is made once so that nobody waits for it), code at the top of modules 8 %, zod 4 %, the routes of REST 3 %. On the embedded database another two seconds are WebAssembly compiled, in threads beside, and PGlite recovering its files; a new folder is unpacked before that ([decision 77](decisions/0077-a-new-embedded-database-is-a-copy.md)).',
    mend: "a snapshot of V8's heap after the schema is built, which Node cannot take of a program with native packages; and PGlite with a compiled module that Node keeps between processes, which V8 has no way to store for a program.",
  },
  {
    goals: /^Memory at rest on /,
    why: 'The largest parts are the program and its schema, and of the embedded database PostgreSQL in WebAssembly ([decision 54](decisions/0054-the-program-is-a-bundle.md) says what each step gave).',
    mend: 'the settings of the C library that the image and the unit of systemd have, where they are not set; beyond them, nothing large is known.',
  },
  {
    goals: /^An idle subscription by |: heap of each$/,
    why: "Of the 24 KB of an idle stream by server-sent events, 14 are in V8's heap, of which Node's request, response and socket are the largest part; the rest is outside of it, with the connection and its parser. A running reply has two connections, one to its reader and one to the model. In a snapshot of 400 they have 50 KB each, in small pieces: 110 functions and 90 scopes that they share 11 KB, what generators keep while they wait 6 KB, plain objects and arrays 13 KB, properties of objects 5 KB, texts 4 KB, of which the answer is one. Where events come later than they should, since the core has more to do than it can, what waits is in the heap as well.",
    mend: 'feeds and the answer of the model pushed to the last, without generators; timers of replies in one wheel. Two connections of Node alone are beyond the goal.',
  },
  {
    goals: /: events a second$/,
    why: 'An event with one reader takes the CPU that the table of running replies says: where that times 10,000 is more than a second, one core cannot bring so many.',
    mend: 'a faster core, or another instance; and what the two rows on an event and on a running reply say.',
  },
  {
    goals: /^CPU a second of all of them by /,
    why: 'A sign of life to each is one write in 25 seconds, by one timer for all of a door ([decision 18](decisions/0018-yoga-frames-streams-and-carries-uploads.md)), and by WebSocket the answer to it has to be read: of 2,000, some 0.9 ms of CPU a second, nearly all of it in the write of Node to a socket and below. The looks for ended sessions ([decision 95](decisions/0095-ends-of-access-are-noted.md)), two a second, take 0.45 ms each, however many are open: a process that slept finds its caches empty, and a bare loop of Node that writes 62 bytes and reads the answer takes 0.23 ms at that pace. Those for events that nobody told of ([decision 97](decisions/0097-feeds-that-have-news-are-found.md)) are one statement in three seconds, which shares its wake-up ([decision 89](decisions/0089-an-instance-at-rest-asks-little.md)). With 2,000 by server-sent events, that was 2.7 ms a second in all where the build before took 3.4 beside it, and 0.65 without any, where it took 0.83. Once, some 100 s after they were opened, V8 collects its whole heap, for 130 ms.',
    mend: 'fewer steps between a timer and the socket of the database; a longer interval of the signs would let proxies in between cut connections.',
  },
  {
    goals: /^An event to a reader by /,
    why: 'However many read a reply, an event of it takes 0.4 ms more than the bare loop takes to wake (measured with 2, 20 and 100 readers); each reader takes 6.8 µs, and the bare loop 7.5. Eight replies wake the process 80 times a second, by three system calls each: what the model sent is read, a line of the journal written, the reader written to. In between, little of what the process needs is left in the caches of the processor, and functions that are called so seldom run as V8 compiles them first. Where 10,000 events come in a second, an event takes 57 to 63 µs in all, its reader included. A relay that does nothing but pass on what the model writes takes as little as the bare loop; one that reads it as this service does, with generators, 70 µs more. Statements are 11 a second for all.',
    mend: 'more readers, or more replies at once; fewer steps between the socket of the model and the reply: none of them has more than 4 % in a profile by the kernel.',
  },
  {
    goals: /^Embedded /,
    why: "PGlite is PostgreSQL in this process: its CPU is counted with the service's, where the other column leaves out what PostgreSQL takes in its own process. With that added, a message and a nested list cost 1.7 times as much, and shorter reads 1.1 to 1.5 times; how fast the machine is at the moment changes one side more than the other (three runs had 2.4 to 3.7 for a message, and 1.2 to 2.3 for the nested list). A message of sixteen that share a statement takes PGlite 175 µs ([decision 98](decisions/0098-a-statement-of-the-embedded-database-does-more.md)), more than all that the service does for it on PostgreSQL.",
    mend: 'fewer rows and entries of indexes for a message; WebAssembly runs the same code at about half of its speed.',
  },
  {
    goals: /^(Metrics|Traces of 1 %), /,
    why: 'What is told takes a few microseconds a request, whatever the request is: over the shortest call, that is more than its share.',
    mend: 'histograms with places found once for an operation (prom-client writes a text of all labels for each value: 0.6 µs).',
  },
];

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
