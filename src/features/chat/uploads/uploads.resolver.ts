import { Arg, Args, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { GoesOnAfterAct, IdempotentByItself } from '../../../graphql/idempotency.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { OffsetPage } from '../../../graphql/page-arguments.js';
import { UploadScalar, type FileUpload } from '../../../graphql/upload-scalar.js';
import type { Connection } from '../../../kernel/page.js';
import { idRules } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { RestField } from '../../../rest/field.js';
import { Rest } from '../../../rest/route.js';
import type { UploadRow } from './upload.js';
import { UploadedFile, UploadedFileConnection } from './upload.type.js';
import { descriptions } from './uploads.descriptions.js';
import { routes } from './uploads.routes.js';
import type { UploadsService } from './uploads.service.js';

interface UploadsResolverNeeds {
  readonly service: UploadsService;
  /** The URL of the file with this access key. */
  readonly urlOf: (accessKey: string) => string;
}

@Resolver(() => UploadedFile)
export class UploadsResolver {
  constructor(private readonly needs: UploadsResolverNeeds) {}

  @Operation('uploads:read')
  @Rest(routes.listUploads)
  @Query(() => UploadedFileConnection, { description: "The caller's files, newest first." })
  uploads(@CurrentViewer() viewer: Viewer, @Args(() => OffsetPage) page: OffsetPage): Promise<Connection<UploadRow>> {
    return this.needs.service.list(viewer, page);
  }

  @Operation('uploads:write')
  @GoesOnAfterAct()
  @Rest(routes.uploadFile)
  @Mutation(() => UploadedFile, { description: descriptions.uploadFile })
  uploadFile(
    @CurrentViewer() viewer: Viewer,
    @Arg('file', () => UploadScalar, { description: 'It may be empty.' }) upload: FileUpload,
  ): Promise<UploadRow> {
    return this.needs.service.store(viewer, upload);
  }

  @Operation('uploads:write', idRules)
  @IdempotentByItself('a file is deleted once; a repeat is told NOT_FOUND')
  @Rest(routes.deleteUpload)
  @Mutation(() => UploadedFile, { description: descriptions.deleteUpload })
  deleteUpload(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<UploadRow> {
    return this.needs.service.delete(viewer, id);
  }

  @RestField({ name: 'url', schema: { format: 'uri' } })
  @FieldResolver(() => String, { description: descriptions.url })
  url(@Root() row: UploadRow): string {
    return this.needs.urlOf(row.accessKey);
  }
}
