// No folder depends on itself by way of others. Apart from .dependency-cruiser.js, since it is about the program alone: suites
// stand beside their subjects and use test/support, which uses the program.
import rules from './.dependency-cruiser.js';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [{ name: 'no-folder-cycles', severity: 'error', scope: 'folder', from: {}, to: { circular: true } }],
  options: { ...rules.options, exclude: { path: '\\.test\\.ts$' } },
};
