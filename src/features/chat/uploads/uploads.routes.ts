import type { RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { file, paging, path } from '../../../rest/sources.js';

const tag = 'Uploads';
const NOT_FOUND: RestError = { code: 'NOT_FOUND', message: 'File not found' };

export const routes = {
  listUploads: {
    method: 'GET',
    path: '/uploads',
    operationId: 'listUploads',
    summary: "List the caller's files, newest first",
    tag,
    arguments: paging,
  },

  uploadFile: {
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
  },

  deleteUpload: {
    method: 'DELETE',
    path: '/uploads/{upload_id}',
    operationId: 'deleteUpload',
    summary: 'Delete a file',
    tag,
    arguments: { id: path('upload_id') },
    errors: [NOT_FOUND],
  },
} satisfies Record<string, RestRoute>;
