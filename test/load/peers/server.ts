import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyInstance } from 'fastify';

/** One line a request, as the service logs. */
export function fastifyServer(): FastifyInstance {
  const app = Fastify({ logger: { base: null }, disableRequestLogging: true, genReqId: () => randomUUID() });
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      {
        requestId: request.id,
        method: request.method,
        path: request.url,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'Request',
    );
  });
  app.get('/health/live', () => ({ status: 'ok' }));
  return app;
}

export async function listen(app: FastifyInstance): Promise<void> {
  await app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' });
}
