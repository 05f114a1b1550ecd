import { Forbidden } from '../../../kernel/errors.js';
import type { Viewer } from '../../../kernel/viewer.js';

/** The log says where people came from and what they did: it is for admins alone, one's own part of it too. */
export function maySeeAudit(viewer: Viewer): boolean {
  return viewer.isAdmin;
}

/** @throws Forbidden `Forbidden` */
export function requireAuditor(viewer: Viewer): void {
  if (!maySeeAudit(viewer)) throw new Forbidden();
}
