// Apollo Server on Fastify.
import { ApolloServer } from '@apollo/server';
import fastifyApollo, { fastifyApolloDrainPlugin } from '@as-integrations/fastify';
import { loadingContext, loadingSchema, type LoadingContext } from './schema.js';
import { fastifyServer, listen } from './server.js';

const app = fastifyServer();
const apollo = new ApolloServer<LoadingContext>({
  schema: loadingSchema(),
  plugins: [fastifyApolloDrainPlugin(app)],
});
await apollo.start();
await app.register(fastifyApollo(apollo), { context: ({ headers }) => loadingContext(headers.authorization) });
await listen(app);
