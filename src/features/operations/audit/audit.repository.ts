import type { Prisma } from '../../../generated/prisma/client.js';
import { MAX_USER_AGENT_LENGTH } from '../../../kernel/caller.js';
import { firstIdAt, newId, timeOfId } from '../../../kernel/ids.js';
import { pageOf, type Page, type PageRequest } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { AuditEvent } from '../../../ports/audit-log.js';
import type { AuditEventRow, AuditFilter } from './audit-event.js';

const EVENT = {
  id: true,
  action: true,
  actorId: true,
  subjectId: true,
  ipAddress: true,
  userAgent: true,
  details: true,
  createdAt: true,
} as const satisfies Prisma.AuditEventSelect;

export class AuditRepository {
  constructor(private readonly database: Database) {}

  async insert({ action, actorId, subjectId, client, details }: AuditEvent, sql: Sql = this.database): Promise<void> {
    const id = newId();
    await sql.prisma.auditEvent.createMany({
      data: {
        id,
        action,
        actorId,
        subjectId,
        ipAddress: client?.ipAddress ?? null,
        userAgent: client?.userAgent?.slice(0, MAX_USER_AGENT_LENGTH) ?? null,
        details: (details ?? {}) as Prisma.InputJsonObject,
        createdAt: timeOfId(id),
      },
    });
  }

  async find(id: string): Promise<AuditEventRow | null> {
    const row = await this.database.prisma.auditEvent.findUnique({ where: { id }, select: EVENT });
    return row && eventOf(row);
  }

  /**
   * Newest first. How many rows are wanted is a value of Prisma's statement, without which the planner expects a tenth of all: so
   * this plan is made for the values at hand.
   */
  page(filter: AuditFilter, request: PageRequest): Promise<Page<AuditEventRow>> {
    return this.database.transaction(async (sql) => {
      await sql.query('SET LOCAL plan_cache_mode = force_custom_plan');
      const rows = await sql.prisma.auditEvent.findMany({
        where: matching(filter, request.after),
        orderBy: { id: 'desc' },
        take: request.size + 1,
        skip: request.offset,
        select: EVENT,
      });
      return pageOf(request, rows.map(eventOf));
    });
  }

  count(filter: AuditFilter): Promise<number> {
    return this.database.prisma.auditEvent.count({ where: matching(filter, null) });
  }
}

/** Turns a period into a range of ids, which contain the time: every index of the table ends with the id. */
function matching(
  { action, actorId, subjectId, since, until }: AuditFilter,
  before: string | null,
): Prisma.AuditEventWhereInput {
  return {
    ...(action && { action }),
    ...(actorId && { actorId }),
    ...(subjectId && { subjectId }),
    AND: [
      ...(since ? [{ id: { gte: firstIdAt(since) } }] : []),
      ...(until ? [{ id: { lt: firstIdAt(until) } }] : []),
      ...(before === null ? [] : [{ id: { lt: before } }]),
    ],
  };
}

/** Narrows Prisma's type, which says that the details are JSON but not that they are an object. */
function eventOf(row: Prisma.AuditEventGetPayload<{ select: typeof EVENT }>): AuditEventRow {
  return row as AuditEventRow;
}
