import type { NodeFinder } from '../../../graphql/node.resolver.js';
import type { Log } from '../../../kernel/log.js';
import type { Database } from '../../../ports/database.js';
import type { ObjectStore } from '../../../ports/object-store.js';
import type { PlanCatalogue } from '../plans/plan.js';
import type { UsageService } from '../usage/usage.service.js';
import { UploadSweep } from './upload-sweep.js';
import { UploadsRepository } from './uploads.repository.js';
import { UploadsResolver } from './uploads.resolver.js';
import { UploadsService } from './uploads.service.js';

interface UploadsFeatureNeeds {
  readonly database: Database;
  readonly files: ObjectStore;
  readonly plans: Pick<PlanCatalogue, 'of'>;
  readonly usage: Pick<UsageService, 'recordUpload'>;
  /** Maximum bytes of a file. */
  readonly maxBytes: number;
  /** The URL of the file with this access key. */
  readonly fileUrl: (accessKey: string) => string;
  readonly log: Log;
}

/** Files that users upload, each at a URL that cannot be guessed. */
export function uploadsFeature({ files, fileUrl, log, ...needs }: UploadsFeatureNeeds) {
  const service = new UploadsService({ ...needs, repository: new UploadsRepository(needs.database), store: files });
  return {
    service,
    sweep: new UploadSweep({ uploads: service, log }),
    resolvers: [new UploadsResolver({ service, urlOf: fileUrl })],
    nodes: [{ typeName: 'UploadedFile', find: (viewer, id) => service.findVisible(viewer, id) }] satisfies NodeFinder[],
  };
}
