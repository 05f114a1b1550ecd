import { Forbidden } from '../../../kernel/errors.js';
import type { Viewer } from '../../../kernel/viewer.js';

/**
 * Only admins may read the audit log, since it tells where users came from and what they did. Others may not even read
 * the events about themselves.
 */
export function maySeeAudit(viewer: Viewer): boolean {
  return viewer.isAdmin;
}

/** @throws Forbidden `Forbidden` */
export function requireAuditor(viewer: Viewer): void {
  if (!maySeeAudit(viewer)) throw new Forbidden();
}
