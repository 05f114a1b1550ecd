import { fileURLToPath } from 'node:url';

/** For processes that tests start: they share what V8 compiled, which is a second of each start. */
export const compileCache = {
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../../node_modules/.cache/node', import.meta.url)),
};
