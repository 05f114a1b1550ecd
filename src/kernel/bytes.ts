/** Bytes of the caller's own, as the database takes and gives them; most buffers of Node.js are such. */
export type Bytes = Uint8Array<ArrayBuffer>;
