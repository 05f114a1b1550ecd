import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Refuses use of the whole database by code inside one of its transactions. On a single connection such a call would deadlock;
 * on several it would succeed outside the transaction. It is refused on both, so that every test reveals the mistake.
 */
export class TransactionScope {
  private readonly current = new AsyncLocalStorage<{ open: boolean }>();

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    const transaction = { open: true };
    try {
      // Awaited inside, since a Prisma promise starts its work only when it is awaited.
      return await this.current.run(transaction, async () => await work());
    } finally {
      transaction.open = false;
    }
  }

  assertOutside(): void {
    if (this.current.getStore()?.open) {
      throw new Error('Inside a transaction, use the Sql that transaction() gave, not the database');
    }
  }
}
