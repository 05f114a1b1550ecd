/**
 * What a personal access token may be allowed, by group of operations. There is none for the security of an account, its plan or
 * administration: these need a login.
 */
export const TOKEN_SCOPES = [
  'account:read',
  'conversations:read',
  'conversations:write',
  'chat',
  'uploads:read',
  'uploads:write',
  'usage:read',
] as const;

export type TokenScope = (typeof TOKEN_SCOPES)[number];

/** Whether what was granted includes the scope: writing includes reading. */
export function grants(granted: readonly string[], scope: TokenScope): boolean {
  return granted.includes(scope) || (scope.endsWith(':read') && granted.includes(scope.replace(/read$/, 'write')));
}
