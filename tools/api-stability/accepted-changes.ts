import { z } from 'zod';

const acceptedChanges = z.array(
  z.strictObject({
    reason: z.string().trim().min(1),
    changes: z.array(z.string()).min(1),
  }),
);

/** Faults of the breaking `changes`, given the text of the list of changes that are accepted for the next release. */
export function unacceptedChanges(changes: readonly string[], listText: string): string[] {
  const listed = acceptedChanges.parse(JSON.parse(listText)).flatMap((entry) => entry.changes);
  return [
    ...changes.filter((change) => !listed.includes(change)).map((change) => `Breaks clients: ${change}`),
    ...listed.filter((change) => !changes.includes(change)).map((change) => `Listed, but does not occur: ${change}`),
  ];
}
