/** The command was used wrongly. */
export class UsageError extends Error {}

/** The person cancelled the command. */
export class Canceled extends Error {}

/** Parts of the installation cannot be used. */
export class ExaminationFailed extends Error {}
