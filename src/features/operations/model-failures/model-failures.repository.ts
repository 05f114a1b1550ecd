import { newId, timeOfId } from '../../../kernel/ids.js';
import { pageOf, type Page, type PageRequest } from '../../../kernel/page.js';
import type { Database } from '../../../ports/database.js';
import type { ModelFailure, ModelFailureLog } from '../../../ports/model-failure-log.js';
import { KEPT_FAILURES, type ModelFailureRow } from './model-failure.js';

/** Maximum characters of what comes from outside. */
const MAX_LENGTH = 500;

export class ModelFailuresRepository implements ModelFailureLog {
  constructor(private readonly database: Database) {}

  async record(failure: ModelFailure): Promise<void> {
    const id = newId();
    const { prisma } = this.database;
    await prisma.modelFailure.createMany({
      data: {
        id,
        requestId: failure.requestId,
        messageId: failure.messageId,
        reason: failure.reason,
        model: failure.model,
        status: failure.status ?? null,
        providerRequestId: cut(failure.providerRequestId),
        network: cut(failure.network),
        providerMessage: cut(failure.providerMessage),
        createdAt: timeOfId(id),
      },
    });
    const [oldest] = await prisma.modelFailure.findMany({
      orderBy: { id: 'desc' },
      skip: KEPT_FAILURES,
      take: 1,
      select: { id: true },
    });
    if (oldest !== undefined) await prisma.modelFailure.deleteMany({ where: { id: { lte: oldest.id } } });
  }

  /** Newest first. */
  async page(request: PageRequest): Promise<Page<ModelFailureRow>> {
    const rows = await this.database.prisma.modelFailure.findMany({
      ...(request.after !== null && { where: { id: { lt: request.after } } }),
      orderBy: { id: 'desc' },
      take: request.size + 1,
      skip: request.offset,
    });
    return pageOf(request, rows);
  }

  count(): Promise<number> {
    return this.database.prisma.modelFailure.count();
  }
}

function cut(text: string | undefined): string | null {
  return text?.replaceAll('\0', '').slice(0, MAX_LENGTH).toWellFormed() ?? null;
}
