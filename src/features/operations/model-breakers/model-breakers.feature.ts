import type { ModelCatalogue } from '../../chat/models/model-catalogue.js';
import { ModelBreakersResolver } from './model-breakers.resolver.js';
import { ModelBreakersService } from './model-breakers.service.js';

/** Which models are left alone, for admins and for those who look after instances. */
export function modelBreakersFeature({ models }: { readonly models: ModelCatalogue }) {
  const service = new ModelBreakersService(models);
  return { service, resolvers: [new ModelBreakersResolver(service)] };
}
