/** The command was not meant so. */
export class UsageError extends Error {}

/** The person thought better of it. */
export class Canceled extends Error {}
