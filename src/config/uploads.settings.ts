import { bucket, flag, hostAndPort, positive, text } from './readers.js';
import { optional, secret, withDefault, type Topic } from './setting.js';

export const uploadsSettings = {
  title: 'Uploaded files: in DATA_DIR, or on an S3 server when all of the first four MINIO settings are set',
  settings: {
    uploads: {
      maxBytes: withDefault('UPLOAD_MAX_BYTES', positive(2_147_483_647), {
        description: 'Maximum size of an uploaded file in bytes.',
        default: '10485760',
      }),
      s3: {
        endpoint: optional('MINIO_ENDPOINT', hostAndPort, {
          description: 'Address of the S3 server as host:port, without a scheme.',
          example: 'localhost:9000',
        }),
        accessKey: secret('MINIO_ACCESS_KEY', text, { description: 'Access key of the S3 server.' }),
        secretKey: secret('MINIO_SECRET_KEY', text, { description: 'Secret key of the S3 server.' }),
        bucket: optional('MINIO_BUCKET', bucket, {
          description: 'Name of the bucket, which is made if it does not exist.',
          example: 'flynkle',
        }),
        useSsl: withDefault('MINIO_USE_SSL', flag, {
          description: 'Whether the S3 server is reached over TLS: true or false.',
          default: 'false',
        }),
      },
    },
  },
} satisfies Topic;
