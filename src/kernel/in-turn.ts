/** How long a look waits for the one before it: one without an answer does not hold up the others. In milliseconds. */
const PATIENCE_MS = 100;

/** The last look that was begun or waits; undefined once it is over. */
let last: Promise<void> | undefined;

/**
 * Takes looks at the database that come round one after the other, where several are due at one moment (`untilStep`): they share a
 * connection then, which all others of the pool can be idle for, and one process of the database.
 */
export function inTurn(look: () => Promise<void>): Promise<void> {
  return last === undefined ? atOnce(look) : atOnce(() => orLater(last).then(look));
}

/** As {@link inTurn}, before all others: for a look that somebody relies on to come at its time. */
export function atOnce(look: () => Promise<void>): Promise<void> {
  const looked = look();
  const over = looked
    .catch(() => undefined)
    .then(() => {
      if (last === over) last = undefined;
    });
  last = over;
  return looked;
}

async function orLater(before: Promise<void> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS).unref()));
  await Promise.race([before, late]);
  clearTimeout(timer);
}
