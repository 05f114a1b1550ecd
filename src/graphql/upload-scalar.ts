import { GraphQLError, GraphQLScalarType } from 'graphql';
import { Invalid } from '../kernel/errors.js';

/** A file that a door is receiving: what the scalar `Upload` gives a resolver. Its bytes come while it is read. */
export class FileUpload {
  private isRead = false;

  constructor(
    /** As the client sent it. */
    readonly filename: string,
    /** As the client sent it; empty where it sent none. */
    readonly contentType: string,
    private readonly bytes: AsyncIterable<Uint8Array>,
  ) {}

  /** @throws Invalid the second time: the bytes come once; and while they are read, when they cannot all be */
  read(): AsyncIterable<Uint8Array> {
    if (this.isRead) throw new Invalid([{ field: 'file', message: 'can be used once in a request' }]);
    this.isRead = true;
    return this.bytes;
  }
}

const onlyMultipart = () =>
  new GraphQLError('A file must be sent as multipart/form-data', { extensions: { code: 'BAD_USER_INPUT' } });

export const UploadScalar = new GraphQLScalarType<FileUpload, never>({
  name: 'Upload',
  description:
    'A file sent as multipart/form-data, one a request: https://github.com/jaydenseric/graphql-multipart-request-spec.',
  specifiedByURL: 'https://github.com/jaydenseric/graphql-multipart-request-spec',
  parseValue(value) {
    if (value instanceof FileUpload) return value;
    throw onlyMultipart();
  },
  parseLiteral() {
    throw onlyMultipart();
  },
  serialize() {
    throw new GraphQLError('A file is never in an answer');
  },
});
