import type { Prisma } from '../../../generated/prisma/client.js';
import { newId } from '../../../kernel/ids.js';
import { pageOf, type Page, type PageRequest } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { UploadRow } from './upload.js';

const COLUMNS = `f.id, f.user_id AS "userId", f.access_key AS "accessKey", f.filename, f.content_type AS "contentType",
  f.size, f.created_at AS "createdAt"`;
/** The same columns, for Prisma. */
const UPLOAD = {
  id: true,
  userId: true,
  accessKey: true,
  filename: true,
  contentType: true,
  size: true,
  createdAt: true,
} as const satisfies Prisma.UploadSelect;

export interface NewUpload {
  readonly userId: string;
  readonly accessKey: string;
  readonly filename: string;
  readonly contentType: string;
  /** Time limit for storing the bytes, which {@link UploadsRepository.renew} extends. */
  readonly leaseSeconds: number;
}

/**
 * Stored files: no read finds one whose bytes are still being stored or removed. Statements about leases are SQL, since
 * leases use the database's clock, which all instances share; Prisma has only the clock of the process.
 */
export class UploadsRepository {
  constructor(private readonly database: Database) {}

  /**
   * Reserves a place for a file, unless the user already has as many as `limitOf` allows for the user's plan, uploads
   * in progress included. Locks the user's row, so that concurrent calls are counted one after the other and a
   * concurrent change of plan is respected.
   * @returns the id; null when the limit is reached, undefined when the user does not exist
   */
  reserve(upload: NewUpload, limitOf: (plan: string) => number): Promise<string | null | undefined> {
    return this.database.transaction(async (sql) => {
      const owner = await sql.query<{ plan: string }>(
        `SELECT plan FROM users WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE`,
        [upload.userId],
        'upload_owner_lock',
      );
      const plan = owner.rows[0]?.plan;
      if (plan === undefined) return undefined;
      const { rows } = await sql.query<{ id: string }>(
        `INSERT INTO uploads (id, user_id, access_key, filename, content_type, lease_expires_at)
         SELECT $1::uuid, $2::uuid, $3::text, $4::text, $5::text, now() + make_interval(secs => $6::int)
         WHERE (SELECT count(*) FROM uploads WHERE user_id = $2::uuid AND status <> 'DELETING') < $7::int RETURNING id`,
        [
          newId(),
          upload.userId,
          upload.accessKey,
          upload.filename,
          upload.contentType,
          upload.leaseSeconds,
          limitOf(plan),
        ],
        'upload_reserve',
      );
      return rows[0]?.id ?? null;
    });
  }

  /**
   * Makes a file visible once all bytes are stored.
   * @returns null when its lease had expired and its place was released
   */
  async complete(sql: Sql, id: string, size: number): Promise<UploadRow | null> {
    const [row] = await sql.prisma.upload.updateManyAndReturn({
      where: { id, status: 'PENDING' },
      data: { status: 'STORED', size, leaseExpiresAt: null },
      select: UPLOAD,
    });
    return storedOrNull(row);
  }

  /** Gives more time to store the bytes of a file. */
  async renew(id: string, leaseSeconds: number): Promise<void> {
    await this.database.query(
      `UPDATE uploads SET lease_expires_at = now() + make_interval(secs => $2::int) WHERE id = $1 AND status = 'PENDING'`,
      [id, leaseSeconds],
      'upload_renew',
    );
  }

  /** Hides a file of the user. Its bytes must be removed within the lease; after that, the sweep removes them. */
  async hide(userId: string, id: string, leaseSeconds: number): Promise<UploadRow | null> {
    const { rows } = await this.database.query<UploadRow>(
      `UPDATE uploads AS f SET status = 'DELETING', lease_expires_at = now() + make_interval(secs => $3::int)
       WHERE f.id = $1 AND f.user_id = $2 AND f.status = 'STORED' RETURNING ${COLUMNS}`,
      [id, userId, leaseSeconds],
      'upload_hide',
    );
    return rows[0] ?? null;
  }

  /** Releases the place of a file whose bytes could not be stored. @returns false when they were, and its row says so */
  async release(id: string, leaseSeconds: number): Promise<boolean> {
    const { rowCount } = await this.database.query(
      `UPDATE uploads SET status = 'DELETING', lease_expires_at = now() + make_interval(secs => $2::int)
       WHERE id = $1 AND status <> 'STORED'`,
      [id, leaseSeconds],
    );
    return rowCount > 0;
  }

  /** Deletes the row of a file whose bytes are removed. */
  async remove(id: string): Promise<void> {
    await this.database.prisma.upload.deleteMany({ where: { id, status: 'DELETING' } });
  }

  /** Claims some files with an expired lease for the caller to remove; other instances skip them meanwhile. */
  async claimAbandoned(limit: number, leaseSeconds: number): Promise<readonly string[]> {
    const { rows } = await this.database.query<{ id: string }>(
      `UPDATE uploads SET status = 'DELETING', lease_expires_at = now() + make_interval(secs => $2::int)
       WHERE id IN (SELECT id FROM uploads WHERE lease_expires_at < now() ORDER BY lease_expires_at LIMIT $1
         FOR UPDATE SKIP LOCKED) RETURNING id`,
      [limit, leaseSeconds],
    );
    return rows.map(({ id }) => id);
  }

  /** For a start while no other instance is running: every file that is not stored is abandoned. */
  async expireAllLeases(): Promise<void> {
    await this.database.query(
      `UPDATE uploads SET lease_expires_at = now() - interval '1 second' WHERE lease_expires_at IS NOT NULL`,
    );
  }

  async findOwned(userId: string, id: string): Promise<UploadRow | null> {
    const where = { id, userId, status: 'STORED' } as const;
    return storedOrNull(await this.database.prisma.upload.findFirst({ where, select: UPLOAD }));
  }

  async findAllOwned(userId: string, ids: readonly string[]): Promise<readonly UploadRow[]> {
    const where = { id: { in: [...ids] }, userId, status: 'STORED' as const };
    return (await this.database.prisma.upload.findMany({ where, select: UPLOAD })) as readonly UploadRow[];
  }

  /** Finds nothing while the file's user is deleted. */
  async findByAccessKey(accessKey: string): Promise<UploadRow | null> {
    const where = { accessKey, status: 'STORED', user: { deletedAt: null } } as const;
    return storedOrNull(await this.database.prisma.upload.findFirst({ where, select: UPLOAD }));
  }

  /** Newest first. */
  async page(userId: string, request: PageRequest): Promise<Page<UploadRow>> {
    const rows = await this.database.prisma.upload.findMany({
      where: { userId, status: 'STORED', ...(request.after === null ? {} : { id: { lt: request.after } }) },
      orderBy: { id: 'desc' },
      take: request.size + 1,
      skip: request.offset,
      select: UPLOAD,
    });
    return pageOf(request, rows as readonly UploadRow[]);
  }

  count(userId: string): Promise<number> {
    return this.database.prisma.upload.count({ where: { userId, status: 'STORED' } });
  }
}

/** Narrows Prisma's type: a file that is stored always has a size. */
function storedOrNull(row: Prisma.UploadGetPayload<{ select: typeof UPLOAD }> | null | undefined): UploadRow | null {
  return (row as UploadRow | null | undefined) ?? null;
}
