import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// What this process writes is for its user alone, whatever writes it: packages choose modes of their own.
process.umask(0o077);
// What V8 compiles is kept beside the bundle, where this process may write there: the next start takes it from there, all but this
// module. See docs/decisions/0054-the-program-is-a-bundle.md.
if (import.meta.url.endsWith('/dist/main.js'))
  enableCompileCache(fileURLToPath(new URL('compile-cache', import.meta.url)));
await import('./service.js');
