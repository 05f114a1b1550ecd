import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Refuses the use of the whole database by code that runs inside one of its transactions. On one connection that would
 * wait for itself; on many it would pass and miss the transaction. Refused on both, the mistake shows in every test.
 */
export class TransactionScope {
  private readonly current = new AsyncLocalStorage<{ open: boolean }>();

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    const transaction = { open: true };
    try {
      // Awaited inside: a promise of Prisma begins its work only then.
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
