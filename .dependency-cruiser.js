// docs/architecture.md's rule: doors -> graphql -> resolvers -> services -> ports <- adapters.

const TEST = '\\.test\\.ts$';
const COMPOSITION_ROOT = '^src/(app[^/]*|admin)\\.ts$';
const SETTINGS = '^src/config(\\.ts$|/)';
const OUR_CODE = '^(src|test|tools)/';
const SPEAKERS = ['@apollo', '@?graphql[^/]*', 'type-graphql', 'dataloader', 'sofa-api', 'find-my-way', 'ws'];
const VENDORS = [
  '@electric-sql',
  '@opentelemetry',
  '@prisma',
  'ioredis',
  'minio',
  'nodemailer',
  'openai',
  'openid-client',
  'pg',
  'pg-boss',
];

/** `from` may import only `to` and the files below every layer, as far as our own code goes. */
function layer(name, comment, from, to) {
  return {
    name,
    comment,
    severity: 'error',
    from: { path: from, pathNot: TEST },
    to: { path: OUR_CODE, pathNot: ['^src/kernel/', ...to] },
  };
}

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    layer('kernel', 'The kernel depends on nothing of ours.', '^src/kernel/', []),
    layer('ports', 'Ports are types; the database port names the tables as Prisma has them.', '^src/ports/', [
      '^src/ports/',
      '^src/generated/prisma/',
    ]),
    layer('adapters', 'An adapter knows its port and its vendor, and no feature.', '^src/adapters/', [
      '^src/adapters/',
      '^src/ports/',
      '^src/generated/prisma/',
    ]),
    layer(
      'rest',
      'Declarations of REST routes: they know neither the door that serves them nor a feature.',
      '^src/rest/',
      ['^src/rest/'],
    ),
    layer(
      'domain',
      'Services, repositories, policies and rules know neither GraphQL nor HTTP; only their types and ports.',
      '^src/features/(?!.*\\.(resolver|type|routes|feature)\\.ts$)',
      ['^src/features/(?!.*\\.(resolver|type|routes|feature)\\.ts$)', '^src/ports/', '^src/generated/prisma/'],
    ),
    layer(
      'graphql-types',
      'GraphQL types and resolvers reach the database through services alone.',
      '^src/features/.*\\.(resolver|type)\\.ts$',
      ['^src/features/(?!.*\\.(repository|feature)\\.ts$)', '^src/graphql/', '^src/ports/', '^src/rest/'],
    ),
    layer(
      'routes',
      "A feature's REST routes: HTTP words, and of the feature its errors, limits and the rows that an answer is made of.",
      '^src/features/.*\\.routes\\.ts$',
      ['^src/features/(?!.*\\.(repository|resolver|feature)\\.ts$)', '^src/ports/', '^src/rest/'],
    ),
    layer('wiring', 'A feature wires itself, and leaves the choice of adapters to the root.', '\\.feature\\.ts$', [
      '^src/features/',
      '^src/graphql/node\\.resolver\\.ts$',
      '^src/ports/',
    ]),
    layer(
      'graphql',
      'The GraphQL layer knows no feature: the schema is made of the resolvers it is given.',
      '^src/graphql/',
      ['^src/graphql/', '^src/ports/'],
    ),
    layer('doors', 'A door speaks its protocol to the GraphQL layer; all else is below it.', '^src/doors/', [
      '^src/doors/',
      '^src/graphql/',
      '^src/ports/',
      '^src/rest/',
    ]),
    layer('command-line', "The operator's door: it speaks to services.", '^src/command-line/', [
      '^src/command-line/',
      '^src/features/(?!.*\\.(repository|resolver|type|routes|feature)\\.ts$)',
    ]),
    {
      name: 'chat-knows-no-identity',
      comment:
        'Identity gives the chat a Viewer (src/kernel/viewer.ts), and nothing else. Where both meet is operations.',
      severity: 'error',
      from: { path: '^src/features/chat/', pathNot: TEST },
      to: { path: '^src/features/(identity|operations)/' },
    },
    {
      name: 'identity-knows-no-chat',
      severity: 'error',
      from: { path: '^src/features/identity/', pathNot: TEST },
      to: { path: '^src/features/(chat|operations)/' },
    },
    {
      name: 'a-feature-file-is-for-the-root',
      comment: 'Features are wired to each other by the composition root and by tests.',
      severity: 'error',
      from: { path: '^src/', pathNot: [TEST, COMPOSITION_ROOT] },
      to: { path: '\\.feature\\.ts$' },
    },
    {
      name: 'features-meet-through-services',
      comment: "A feature uses another's services, types and domain files, never its repository or its resolver.",
      severity: 'error',
      from: { path: '^src/features/([^/]+/[^/]+)/', pathNot: TEST },
      to: { path: '^src/features/.*\\.(repository|resolver)\\.ts$', pathNot: '^src/features/$1/' },
    },
    {
      name: 'vendors-are-behind-ports',
      comment: 'Below the GraphQL layer, no package that speaks GraphQL or HTTP, and none that an adapter is for.',
      severity: 'error',
      from: { path: '^src/(kernel|ports|features)/', pathNot: [TEST, '\\.(resolver|type)\\.ts$'] },
      to: { path: `node_modules/(@types/)?(${[...SPEAKERS, ...VENDORS].join('|')})/` },
    },
    {
      name: 'sofa-is-not-served',
      comment:
        "SOFA's router has an open relay. It is made when the schema is written, and in tests; the service reads files.",
      severity: 'error',
      from: { path: '^src/', pathNot: [TEST, '^src/doors/rest/(emit|sofa|openapi[^/]*)\\.ts$'] },
      to: { path: ['^src/doors/rest/(emit|sofa)\\.ts$', 'node_modules/sofa-api/'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'adapters-are-chosen-in-app',
      comment: 'Only the composition root and tests name an adapter.',
      severity: 'error',
      from: { path: '^src/', pathNot: [TEST, COMPOSITION_ROOT, '^src/adapters/'] },
      to: { path: '^src/adapters/' },
    },
    {
      name: 'settings-are-read-at-the-root',
      comment: 'All else gets the settings that it needs as arguments.',
      severity: 'error',
      from: { path: '^src/', pathNot: [TEST, COMPOSITION_ROOT, '^src/service\\.ts$', SETTINGS] },
      to: { path: SETTINGS, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-test-code-in-the-program',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST },
      to: { path: [TEST, '^test/', '^tools/'] },
    },
    {
      name: 'no-development-packages-in-the-program',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-barrels',
      comment: 'Import a name from the file that has it.',
      severity: 'error',
      from: {},
      to: { path: '/index\\.ts$', pathNot: 'node_modules' },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    exclude: { path: '^test/clients/' },
    doNotFollow: { path: ['node_modules', '^src/generated/', '^test/generated/'] },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'node', 'default'] },
    tsConfig: { fileName: 'tsconfig.json' },
    // Imports of types count too: a layer that names another's types depends on it.
    tsPreCompilationDeps: true,
  },
};
