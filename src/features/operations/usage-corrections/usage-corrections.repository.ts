import { pageOf, type Page, type PageRequest } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { UsageCorrectionRow } from './usage-correction.js';

export class UsageCorrectionsRepository {
  constructor(private readonly database: Database) {}

  async insert(sql: Sql, row: UsageCorrectionRow): Promise<void> {
    await sql.prisma.usageCorrection.createMany({ data: row });
  }

  /** Newest first. */
  async page(userId: string, request: PageRequest): Promise<Page<UsageCorrectionRow>> {
    const rows = await this.database.prisma.usageCorrection.findMany({
      where: { userId, ...(request.after !== null && { id: { lt: request.after } }) },
      orderBy: { id: 'desc' },
      take: request.size + 1,
      skip: request.offset,
    });
    return pageOf(request, rows);
  }

  count(userId: string): Promise<number> {
    return this.database.prisma.usageCorrection.count({ where: { userId } });
  }
}
