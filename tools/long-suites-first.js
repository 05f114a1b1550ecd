import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import TestSequencer from '@jest/test-sequencer';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The suites that take half a minute and more, the longest first. */
const LONG = [
  'src/adapters/postgres/open-database.test.ts',
  'src/adapters/postgres/embedded-template.test.ts',
  'test/api/attacks.test.ts',
  'test/faults/backup.test.ts',
  'test/api/sofa-differential.test.ts',
  'test/faults/start.test.ts',
  'test/faults/embedded-disk.test.ts',
  'test/simulation/replies.test.ts',
  'test/faults/instances.test.ts',
  'test/faults/idempotency.test.ts',
  'test/faults/shutdown-frozen.test.ts',
  'test/faults/shutdown.test.ts',
  'test/faults/sessions-two-instances.test.ts',
  'test/api/one-time-codes.test.ts',
  'test/api/authorisation.test.ts',
  'test/api/rest-fuzz.test.ts',
  'test/faults/object-store.test.ts',
  'test/api/admin-cli.test.ts',
  'test/faults/replies-outages.test.ts',
  'test/faults/chaos.test.ts',
  'test/faults/assembled.test.ts',
  'test/faults/unread.test.ts',
];

const places = new Map(LONG.map((path, place) => [join(ROOT, path), place]));
const placeOf = ({ path }) => places.get(path) ?? LONG.length;

/**
 * Begins the long suites before the others. In a fresh clone Jest goes by the size of files, and would begin some of the longest last:
 * one core would run them while the other has nothing left to do.
 */
class LongSuitesFirst extends TestSequencer {
  sort(suites) {
    return super.sort(suites).sort((one, other) => placeOf(one) - placeOf(other));
  }
}

export { LongSuitesFirst as default };
