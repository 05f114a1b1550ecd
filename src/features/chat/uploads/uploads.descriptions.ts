export const descriptions = {
  uploadFile:
    "Stores a file, one a request. QUOTA_EXCEEDED when the caller has as many files as the plan's `maxFileUploads`; BAD_USER_INPUT `File too large` for one that is larger than the service takes (`UPLOAD_MAX_BYTES`).",

  deleteUpload:
    "Deletes one of the caller's files and answers it as it was; its `url` is dead from then on. NOT_FOUND for anyone else's.",

  url: 'Where the bytes are. Whoever has it can read them, without credentials, until the file is deleted; nobody can guess it.',
} as const;
