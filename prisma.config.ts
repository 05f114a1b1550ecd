import { fileURLToPath } from 'node:url';
import { defineConfig } from 'prisma/config';
import { IN_MEMORY_URL } from './tools/prisma/in-memory-url.js';

// Without this every command asks a server of Prisma's for news, and tells it which command that was.
process.env['CHECKPOINT_DISABLE'] = '1';

// Without this every command, `generate` too, first downloads a native schema engine.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] = fileURLToPath(new URL('tools/prisma/schema-engine.mjs', import.meta.url));

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  // `migrate dev` writes a new migration in memory as well as on a server: it compares the migrations with the schema.
  datasource: { url: process.env['DATABASE_URL'] ?? IN_MEMORY_URL },
});
