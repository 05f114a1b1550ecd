// Forbids cycles between folders. Separate from .dependency-cruiser.js, since it applies to the program without its tests:
// suites are beside their subjects and use test/support, which uses the program.
import rules from './.dependency-cruiser.js';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [{ name: 'no-folder-cycles', severity: 'error', scope: 'folder', from: {}, to: { circular: true } }],
  options: { ...rules.options, exclude: { path: '\\.test\\.ts$' } },
};
