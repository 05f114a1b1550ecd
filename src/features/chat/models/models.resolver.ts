import { Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import type { ModelCatalogue } from './model-catalogue.js';
import { Model } from './model.type.js';
import { routes } from './models.routes.js';

interface ModelsResolverNeeds {
  readonly catalogue: ModelCatalogue;
  /** The code of the currency of all prices. */
  readonly currency: string;
}

@Resolver()
export class ModelsResolver {
  constructor(private readonly needs: ModelsResolverNeeds) {}

  @Operation('any token')
  @Rest(routes.listModels)
  @Query(() => [Model], {
    description:
      "The models that can be asked, in the operator's order, with a mark on those that the caller's plan may use.",
  })
  models(@CurrentViewer() { plan }: Viewer): readonly Model[] {
    const { catalogue, currency } = this.needs;
    const standard = catalogue.defaultOf(plan);
    return catalogue.all.map((model) => ({
      name: model.name,
      isAllowed: catalogue.mayUse(plan, model),
      isDefault: model === standard,
      contextTokens: model.contextTokens,
      maxReplyTokens: model.maxReplyTokens,
      takesImages: model.takesImages,
      takesTools: model.takesTools,
      price: model.price && { ...model.price, currency },
      fallback: model.fallback,
    }));
  }
}
