// Who asks: a token, verified as jose's documentation shows, and the session that it is of, asked of the database.
import { createHash } from 'node:crypto';
import { jwtVerify, type JWTPayload } from 'jose';
import { query } from './database.js';
import { HttpError } from './http-error.js';

export interface Viewer {
  readonly userId: string;
  readonly isAdmin: boolean;
  readonly plan: string;
}

interface SessionRow extends Viewer {
  readonly isActive: boolean;
  readonly isSuspended: boolean;
  readonly isDeleted: boolean;
  readonly expiresAt: Date;
  readonly revocationReason: string | null;
}

const secret = Buffer.from(process.env['SECRET_KEY'] ?? '');
const keyId = createHash('sha256').update('key id of ').update(secret).digest('base64url').slice(0, 8);
const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
const keyOf = ({ kid }: { readonly kid?: string }) => {
  if (kid !== keyId) throw new HttpError(401, 'Invalid token');
  return key;
};
const OPTIONS = {
  algorithms: ['HS256'],
  typ: 'at+jwt',
  issuer: 'flynkle-api',
  audience: 'flynkle-api',
  requiredClaims: ['sub', 'sid', 'iat', 'exp'],
  maxTokenAge: Number(process.env['ACCESS_TOKEN_EXPIRE_MINUTES']) * 60,
  clockTolerance: 5,
};

/** @throws HttpError */
export async function viewerOf(authorization: string | undefined): Promise<Viewer> {
  if (authorization === undefined) throw new HttpError(401, 'Missing credentials');
  const token = /^bearer +([\w.~+/-]+=*)$/i.exec(authorization)?.[1] ?? '';
  const { sub, sid } = await verified(token);
  const [session] = await query<SessionRow>(
    'session',
    `SELECT u.id AS "userId", u.is_admin AS "isAdmin", u.plan, u.is_active AS "isActive", u.is_suspended AS "isSuspended",
       u.deleted_at IS NOT NULL AS "isDeleted", s.expires_at AS "expiresAt", s.revocation_reason AS "revocationReason"
     FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1`,
    [sid],
  );
  if (session?.userId !== sub || session?.revocationReason !== null || session.expiresAt < new Date()) {
    throw new HttpError(401, 'Invalid token');
  }
  if (session.isDeleted) throw new HttpError(404, 'User not found');
  if (!session.isActive || session.isSuspended) throw new HttpError(403, 'Account disabled');
  return session;
}

async function verified(token: string): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keyOf, OPTIONS)).payload;
  } catch {
    throw new HttpError(401, 'Invalid token');
  }
}
