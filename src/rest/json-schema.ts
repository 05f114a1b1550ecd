/** JSON Schema (2020-12) keywords. */
export type JsonSchema = Readonly<Record<string, unknown>>;
