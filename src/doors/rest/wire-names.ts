/** `phoneNumber` -> `phone_number`. */
export function toSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);
}

/** `X-Refresh-Token` -> `x_refresh_token`, since GraphQL names have no dashes. */
export function toVariableName(wireName: string): string {
  return toSnakeCase(wireName.replaceAll('-', '_').replace(/[A-Z]+/g, (word) => word.toLowerCase()));
}
