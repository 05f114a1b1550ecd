import { Arg, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import type { RestError } from '../../../rest/answers.js';
import { RestField } from '../../../rest/field.js';
import { Rest } from '../../../rest/route.js';
import { file, paging, path } from '../../../rest/sources.js';
import { UploadScalar, type FileUpload } from '../../../graphql/upload-scalar.js';
import type { Connection } from '../../../kernel/page.js';
import { uuid } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { UploadRow } from './upload.js';
import { UploadedFile, UploadedFileConnection } from './upload.type.js';
import type { UploadsService } from './uploads.service.js';

const tag = 'Uploads';
const NOT_FOUND: RestError = { code: 'NOT_FOUND', message: 'File not found' };

interface UploadsResolverNeeds {
  readonly service: UploadsService;
  /** The address of the file with this access key. */
  readonly urlOf: (accessKey: string) => string;
}

@Resolver(() => UploadedFile)
export class UploadsResolver {
  constructor(private readonly needs: UploadsResolverNeeds) {}

  @Operation('user')
  @Rest({
    method: 'GET',
    path: '/uploads',
    operationId: 'listUploads',
    summary: "List the caller's files, newest first",
    tag,
    arguments: paging,
  })
  @Query(() => UploadedFileConnection, { description: "The caller's files, newest first." })
  uploads(
    @CurrentViewer() viewer: Viewer,
    @Arg('first', () => Int, { nullable: true, defaultValue: 20, description: 'How many at most, from 1 to 100.' })
    first: number | null,
    @Arg('after', () => String, { nullable: true, description: 'The cursor after which the page begins.' })
    after: string | null,
    @Arg('offset', () => Int, { nullable: true, description: 'How many to pass over; at most 1,000,000.' })
    offset: number | null,
  ): Promise<Connection<UploadRow>> {
    return this.needs.service.list(viewer, { first, after, offset });
  }

  @Operation('user')
  @Rest({
    method: 'POST',
    path: '/uploads',
    operationId: 'uploadFile',
    summary: 'Upload a file',
    tag,
    arguments: { file: file('file') },
    errors: [
      { code: 'QUOTA_EXCEEDED', message: 'Upgrade required' },
      { code: 'BAD_USER_INPUT', status: 413, message: 'Payload too large', insteadOf: 'File too large' },
    ],
  })
  @Mutation(() => UploadedFile, {
    description:
      "Stores a file, one a request. QUOTA_EXCEEDED when the caller has as many files as the plan's `maxFileUploads`; BAD_USER_INPUT for one that is larger than the service takes, 10 MiB unless it is set otherwise.",
  })
  uploadFile(
    @CurrentViewer() viewer: Viewer,
    @Arg('file', () => UploadScalar, { description: 'It may be empty.' }) upload: FileUpload,
  ): Promise<UploadRow> {
    return this.needs.service.store(viewer, upload);
  }

  @Operation('user', z.object({ id: uuid() }))
  @Rest({
    method: 'DELETE',
    path: '/uploads/{upload_id}',
    operationId: 'deleteUpload',
    summary: 'Delete a file',
    tag,
    arguments: { id: path('upload_id') },
    errors: [NOT_FOUND],
  })
  @Mutation(() => UploadedFile, {
    description:
      "Deletes one of the caller's files and answers it as it was; its `url` is dead from then on. NOT_FOUND for anyone else's.",
  })
  deleteUpload(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<UploadRow> {
    return this.needs.service.delete(viewer, id);
  }

  @RestField({ name: 'url' })
  @FieldResolver(() => String, {
    description:
      'Where the bytes are. Whoever has it can read them, without credentials, until the file is deleted; nobody can guess it.',
  })
  url(@Root() row: UploadRow): string {
    return this.needs.urlOf(row.accessKey);
  }
}
