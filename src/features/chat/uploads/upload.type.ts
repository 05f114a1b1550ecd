import { GraphQLDateTime } from 'graphql-scalars';
import { Field, ID, Int, ObjectType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { Node } from '../../../graphql/node.js';
import { ReadableBy } from '../../../graphql/token-access.js';
import { RestField } from '../../../rest/field.js';
import { MAX_FILENAME_BYTES, type UploadRow } from './upload.js';

@ReadableBy('uploads:read')
@ObjectType('UploadedFile', {
  implements: Node,
  simpleResolvers: true,
  description: 'A file that a user uploaded. Only its user sees it here; anyone who has its `url` can read it.',
})
export class UploadedFile implements Omit<UploadRow, 'userId' | 'accessKey'> {
  @RestField({ name: 'upload_id' })
  @Field(() => ID)
  readonly id!: string;

  @Field(() => String, {
    description: `At most ${MAX_FILENAME_BYTES} bytes; without folders, and without invisible characters.`,
  })
  readonly filename!: string;

  @Field(() => String, {
    description:
      'The media type that the client gave, without parameters; `application/octet-stream` where it gave none. It was not checked.',
  })
  readonly contentType!: string;

  @Field(() => Int, { description: 'Bytes.' })
  readonly size!: number;

  @Field(() => GraphQLDateTime)
  readonly createdAt!: Date;
}

export const UploadedFileConnection = connectionType(UploadedFile, 'UploadedFile');
