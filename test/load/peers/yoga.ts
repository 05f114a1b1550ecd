// GraphQL Yoga on Fastify.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { createYoga } from 'graphql-yoga';
import { loadingContext, loadingSchema } from './schema.js';
import { fastifyServer, listen } from './server.js';

const app = fastifyServer();
const yoga = createYoga<{ request: FastifyRequest; reply: FastifyReply }>({
  schema: loadingSchema(),
  logging: false,
  context: ({ request }) => loadingContext(request.headers.get('authorization') ?? undefined),
});
app.addContentTypeParser('multipart/form-data', {}, (_request, _payload, done) => {
  done(null);
});
app.route({
  url: yoga.graphqlEndpoint,
  method: ['GET', 'POST', 'OPTIONS'],
  handler: (request, reply) => yoga.handleNodeRequestAndResponse(request, reply, { request, reply }),
});
await listen(app);
