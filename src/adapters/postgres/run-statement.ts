import type pg from 'pg';
import type { Rows } from '../../ports/database.js';
import type { Availability } from './availability.js';
import { isMixedUp, leavesConnectionUsable } from './connection-failure.js';
import { NamedQuery, type Answered } from './named-query.js';
import type { NamedStatements } from './named-statements.js';
import { rowsOf, toParameter } from './value-parsers.js';

interface Statement {
  readonly text: string;
  readonly values: readonly unknown[] | undefined;
  readonly name: string | undefined;
}

interface Means {
  readonly pool: pg.Pool;
  readonly availability: Availability;
  readonly names: Pick<NamedStatements, 'allowed' | 'wereMixedUp'>;
}

const NO_ROWS = { rows: [], rowCount: 0 };

/**
 * Runs one statement that is a transaction of its own, on any connection. By callbacks, since this is the hot path: a lent
 * connection with promises and a listener of its own, as transactions have, costs several times as much.
 * @param onFailure told the error of `pg`, before its translation is thrown
 */
export async function runStatement<Row>(
  { text, values = [], name }: Statement,
  { pool, availability, names }: Means,
  onFailure: (error: unknown) => void,
): Promise<Rows<Row>> {
  const parameters = values.map(toParameter);
  const allowedName = names.allowed(name);
  try {
    return await new Promise((resolve, reject) => {
      pool.connect((lack, client) => {
        if (client === undefined) {
          reject(availability.lost(lack));
          return;
        }
        // A connection that breaks fails its statement: nobody has to listen for its errors (`GuardedClient`).
        const answered: Answered<Row> = (error, rows) => {
          if (error === null) {
            client.release();
            availability.answered();
            resolve(rows);
            return;
          }
          client.release(leavesConnectionUsable(error) ? undefined : error);
          if (isMixedUp(error)) names.wereMixedUp();
          onFailure(error);
          reject(availability.failed(error));
        };
        if (allowedName !== undefined) client.query(new NamedQuery(allowedName, text, parameters, answered));
        else {
          client.query({ text, values: parameters }, (error: Error | null, result) => {
            answered(error, error === null ? rowsOf<Row>(result) : NO_ROWS);
          });
        }
      });
    });
  } catch (error) {
    // The error was made where the answer was read, whose stack says nothing of the caller.
    if (Error.isError(error)) Error.captureStackTrace(error);
    throw error;
  }
}
