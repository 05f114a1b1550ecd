import { GraphQLError, GraphQLScalarType } from 'graphql';
import { Invalid } from '../kernel/errors.js';

/** The resolver's value of the scalar `Upload`: a file that a door is receiving. Its bytes arrive while it is read. */
export class FileUpload {
  private isRead = false;

  constructor(
    /** The client's name for it, unchecked. */
    readonly filename: string,
    /** The client's value; empty when it sent none. */
    readonly contentType: string,
    private readonly bytes: AsyncIterable<Uint8Array>,
  ) {}

  /** @throws Invalid on a second call, since the bytes arrive once; while they are read, when the upload is incomplete */
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
    'A file sent as multipart/form-data, one a request: https://github.com/jaydenseric/graphql-multipart-request-spec. The request needs a bearer token, which uploading needs in any case, or the header `GraphQL-Require-Preflight: true`: without both it is CSRF_REFUSED.',
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
