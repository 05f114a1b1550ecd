import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { batch } from '../../../graphql/batch.js';
import type { RequestContext } from '../../../graphql/context.js';
import { RestHidden } from '../../../rest/field.js';
import type { MessageRow } from '../messages/message.js';
import { Message } from '../messages/message.type.js';
import type { UploadRow } from '../uploads/upload.js';
import { UploadedFile } from '../uploads/upload.type.js';
import type { Images } from './images.js';
import { descriptions } from './replies.descriptions.js';

@Resolver(() => Message)
export class ImagesResolver {
  constructor(private readonly service: Pick<Images, 'load'>) {}

  @RestHidden()
  @FieldResolver(() => [UploadedFile], { description: descriptions.images })
  async images(@Root() message: MessageRow, @Ctx() context: RequestContext): Promise<readonly UploadRow[]> {
    const viewer = await context.viewer();
    return batch(context, this, { of: 'images' }, message.id, (ids) => this.service.load(viewer, ids));
  }
}
