import type { Prisma } from '../../../generated/prisma/client.js';
import { newId } from '../../../kernel/ids.js';
import { pageOf, type Page, type PageRequest } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { UploadRow } from './upload.js';

const COLUMNS = `f.id, f.user_id AS "userId", f.access_key AS "accessKey", f.filename, f.content_type AS "contentType",
  f.size, f.created_at AS "createdAt"`;
/** The same, for Prisma. */
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
  /** Time limit for storing the bytes. */
  readonly leaseSeconds: number;
}

/**
 * Files that are stored; those on their way in or out are found by none of the reads. Leases are SQL, since they go by the
 * database's clock, which all instances share; Prisma knows only that of the process.
 */
export class UploadsRepository {
  constructor(private readonly database: Database) {}

  /**
   * Takes a place for a file unless the user has as many as `limitOf` the user's plan, those on their way in included. The
   * user's row is locked, so that calls at once are counted one after the other, and a plan that changes meanwhile counts.
   * @returns the id; null when the user has too many, undefined when the user is gone
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

  /** Shows a file whose bytes are all stored. @returns null when its lease ran out and its place was given up */
  async complete(sql: Sql, id: string, size: number): Promise<UploadRow | null> {
    const [row] = await sql.prisma.upload.updateManyAndReturn({
      where: { id, status: 'PENDING' },
      data: { status: 'STORED', size, leaseExpiresAt: null },
      select: UPLOAD,
    });
    return storedOrNull(row);
  }

  /** Hides a file of the user's; its bytes are to be removed within the lease, or are swept after it. */
  async hide(userId: string, id: string, leaseSeconds: number): Promise<UploadRow | null> {
    const { rows } = await this.database.query<UploadRow>(
      `UPDATE uploads AS f SET status = 'DELETING', lease_expires_at = now() + make_interval(secs => $3::int)
       WHERE f.id = $1 AND f.user_id = $2 AND f.status = 'STORED' RETURNING ${COLUMNS}`,
      [id, userId, leaseSeconds],
      'upload_hide',
    );
    return rows[0] ?? null;
  }

  /** Gives a place up whose bytes could not be stored. */
  async release(id: string, leaseSeconds: number): Promise<void> {
    await this.database.query(
      `UPDATE uploads SET status = 'DELETING', lease_expires_at = now() + make_interval(secs => $2::int)
       WHERE id = $1 AND status <> 'STORED'`,
      [id, leaseSeconds],
    );
  }

  /** Forgets a file whose bytes are gone. */
  async remove(id: string): Promise<void> {
    await this.database.prisma.upload.deleteMany({ where: { id, status: 'DELETING' } });
  }

  /** Some files whose lease ran out, for the caller to remove; other instances pass them over meanwhile. */
  async claimAbandoned(limit: number, leaseSeconds: number): Promise<readonly string[]> {
    const { rows } = await this.database.query<{ id: string }>(
      `UPDATE uploads SET status = 'DELETING', lease_expires_at = now() + make_interval(secs => $2::int)
       WHERE id IN (SELECT id FROM uploads WHERE lease_expires_at < now() ORDER BY lease_expires_at LIMIT $1
         FOR UPDATE SKIP LOCKED) RETURNING id`,
      [limit, leaseSeconds],
    );
    return rows.map(({ id }) => id);
  }

  /** For a start where no other instance can be alive: all that is not stored was abandoned. */
  async expireAllLeases(): Promise<void> {
    await this.database.query(
      `UPDATE uploads SET lease_expires_at = now() - interval '1 second' WHERE lease_expires_at IS NOT NULL`,
    );
  }

  async findOwned(userId: string, id: string): Promise<UploadRow | null> {
    const where = { id, userId, status: 'STORED' } as const;
    return storedOrNull(await this.database.prisma.upload.findFirst({ where, select: UPLOAD }));
  }

  /** Not while its user is deleted. */
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

/** A file that is stored has a size, which Prisma cannot know. */
function storedOrNull(row: Prisma.UploadGetPayload<{ select: typeof UPLOAD }> | null | undefined): UploadRow | null {
  return (row as UploadRow | null | undefined) ?? null;
}
