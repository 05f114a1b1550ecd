import { forward, type End } from './forward.js';

// Arguments in JSON: a list of pairs, from and to. Ends with its standard input.
for (const [from, to] of JSON.parse(process.argv[2] ?? '[]') as readonly (readonly [End, End])[])
  await forward(from, to);
process.stdout.write('forwards\n');
process.stdin.resume().on('end', () => process.exit());
