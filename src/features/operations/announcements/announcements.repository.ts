import { pageOf, type Page, type PageRequest } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import { MAX_OPEN, type AnnouncementRow } from './announcement.js';

/** What is stored has no more than milliseconds: rounded, the present would be in the future. */
const NOW = `date_trunc('milliseconds', now())`;

/** As the index has it. */
const HAS_NOT_ENDED = `coalesce(ends_at, 'infinity'::timestamptz) > now()`;

const COLUMNS = `id, text, level::text AS level, starts_at AS "startsAt", ends_at AS "endsAt",
  CASE WHEN ends_at <= now() THEN 'ENDED' WHEN starts_at > now() THEN 'SCHEDULED' ELSE 'CURRENT' END AS state,
  created_at AS "createdAt", updated_at AS "updatedAt"`;

export type InsertedAnnouncement = Pick<AnnouncementRow, 'id' | 'text' | 'level' | 'endsAt'> & {
  /** Null for now. */
  readonly startsAt: Date | null;
};

/** What has begun or ended is told by the database's clock, which is the same for all instances. */
export class AnnouncementsRepository {
  constructor(private readonly database: Database) {}

  /** What everyone sees. */
  async current(): Promise<readonly AnnouncementRow[]> {
    const { rows } = await this.database.query<AnnouncementRow>(
      `SELECT ${COLUMNS} FROM announcements WHERE ${HAS_NOT_ENDED} AND starts_at <= now()
       ORDER BY starts_at DESC, id DESC LIMIT ${MAX_OPEN}`,
    );
    return rows;
  }

  /** Newest first. */
  async page(request: PageRequest): Promise<Page<AnnouncementRow>> {
    const { rows } = await this.database.query<AnnouncementRow>(
      `SELECT ${COLUMNS} FROM announcements WHERE $1::uuid IS NULL OR id < $1 ORDER BY id DESC LIMIT $2 OFFSET $3`,
      [request.after, request.size + 1, request.offset],
    );
    return pageOf(request, rows);
  }

  async count(): Promise<number> {
    const { rows } = await this.database.query<{ count: number }>('SELECT count(*)::int AS count FROM announcements');
    return rows[0]?.count ?? 0;
  }

  /** How many have not ended. Others who would add one wait until the end of the transaction. */
  async lockAndCountOpen(sql: Sql): Promise<number> {
    await sql.query('LOCK TABLE announcements IN SHARE ROW EXCLUSIVE MODE');
    const { rows } = await sql.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM announcements WHERE ${HAS_NOT_ENDED}`,
    );
    return rows[0]?.count ?? 0;
  }

  async insert(sql: Sql, row: InsertedAnnouncement): Promise<AnnouncementRow> {
    const { rows } = await sql.query<AnnouncementRow>(
      `INSERT INTO announcements (id, text, level, starts_at, ends_at, created_at, updated_at)
       VALUES ($1, $2, $3::"AnnouncementLevel", coalesce($4::timestamptz, ${NOW}), $5, ${NOW}, ${NOW})
       RETURNING ${COLUMNS}`,
      [row.id, row.text, row.level, row.startsAt, row.endsAt],
    );
    return theOne(rows);
  }

  async find(sql: Sql, id: string): Promise<AnnouncementRow | null> {
    const { rows } = await sql.query<AnnouncementRow>(`SELECT ${COLUMNS} FROM announcements WHERE id = $1 FOR UPDATE`, [
      id,
    ]);
    return rows[0] ?? null;
  }

  async write(
    sql: Sql,
    { id, text, level, startsAt, endsAt }: Pick<AnnouncementRow, 'id' | 'text' | 'level' | 'startsAt' | 'endsAt'>,
  ): Promise<AnnouncementRow> {
    const { rows } = await sql.query<AnnouncementRow>(
      `UPDATE announcements
       SET text = $2, level = $3::"AnnouncementLevel", starts_at = $4, ends_at = $5, updated_at = ${NOW}
       WHERE id = $1 RETURNING ${COLUMNS}`,
      [id, text, level, startsAt, endsAt],
    );
    return theOne(rows);
  }

  /** One that has not begun never does: both its times are now. */
  async end(sql: Sql, id: string): Promise<AnnouncementRow> {
    const { rows } = await sql.query<AnnouncementRow>(
      `UPDATE announcements SET starts_at = least(starts_at, ${NOW}), ends_at = ${NOW}, updated_at = ${NOW}
       WHERE id = $1 RETURNING ${COLUMNS}`,
      [id],
    );
    return theOne(rows);
  }
}

function theOne(rows: readonly AnnouncementRow[]): AnnouncementRow {
  const [row] = rows;
  if (row === undefined) throw new Error('a statement of one announcement wrote none');
  return row;
}
