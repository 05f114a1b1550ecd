import { isOnThisMachine } from '../features/identity/identities/login-provider-settings.js';
import { MIN_SECRET_BYTES } from './accounts.settings.js';
import { unsafeInProduction } from './production.js';
import { relyingPartyOf } from './relying-party.js';
import { isShort } from './secret-strength.js';
import type { Settings } from './topics.js';

/** Rules about several settings together. */

/** Every fault, as `NAME: message`. */
export function inconsistencies(settings: Settings): string[] {
  const always = [
    shortSecrets,
    halfAdmin,
    foreignOrigins,
    plainOrigins,
    partOfS3,
    shortInternalKey,
    replyLongerThanContext,
    unknownPlansOfModels,
    unknownPlansOfServers,
    plansWithoutModels,
    unknownTitleModel,
  ];
  const found = always.flatMap((rule) => rule(settings));
  return settings.environment === 'production' ? [...found, ...unsafeInProduction(settings)] : found;
}

function shortSecrets({ secrets = [] }: Settings): string[] {
  return secrets
    .filter(isShort)
    .map(() => `SECRET_KEY: each key needs ${MIN_SECRET_BYTES} bytes or more (openssl rand -base64 48)`);
}

function shortInternalKey({ internal: { key } }: Settings): string[] {
  return key !== undefined && isShort(key) ? [`INTERNAL_API_KEY: needs ${MIN_SECRET_BYTES} bytes or more`] : [];
}

function halfAdmin({ admin: { email, password } }: Settings): string[] {
  return (email === undefined) === (password === undefined) ? [] : ['ADMIN_EMAIL, ADMIN_PASSWORD: set both or neither'];
}

function foreignOrigins(settings: Settings): string[] {
  const domain = relyingPartyOf(settings);
  return (settings.webAuthn.origins ?? [])
    .filter((origin) => !isWithin(origin, domain))
    .map((origin) => `WEBAUTHN_ORIGINS: "${origin}" is not within the domain ${domain}`);
}

function isWithin(origin: string, domain: string): boolean {
  const { hostname } = new URL(origin);
  return hostname === domain || hostname.endsWith(`.${domain}`);
}

/** Browsers know passkeys on pages that came by TLS, and on those of this machine. */
function plainOrigins({ webAuthn: { origins = [] } }: Settings): string[] {
  return origins
    .filter((origin) => !origin.startsWith('https:') && !isOnThisMachine(origin))
    .map((origin) => `WEBAUTHN_ORIGINS: "${origin}" has no passkeys, since it is not https:`);
}

function partOfS3({ uploads: { s3 } }: Settings): string[] {
  const server = {
    MINIO_ENDPOINT: s3.endpoint,
    MINIO_ACCESS_KEY: s3.accessKey,
    MINIO_SECRET_KEY: s3.secretKey,
    MINIO_BUCKET: s3.bucket,
  };
  const names = Object.keys(server);
  const missing = Object.entries(server).flatMap(([name, value]) => (value === undefined ? [name] : []));
  if (missing.length === 0 || missing.length === names.length) return [];
  return [`${names.join(', ')}: set all or none; ${missing.join(', ')} is missing`];
}

function replyLongerThanContext({ model }: Settings): string[] {
  const fits = model.declared !== undefined || model.maxReplyTokens < model.contextTokens;
  return fits ? [] : ['OPENAI_MAX_REPLY_TOKENS: must be smaller than OPENAI_CONTEXT_TOKENS'];
}

function unknownPlansOfModels({ model: { declared = [] }, plans }: Settings): string[] {
  return unknownPlans(declared, plans).map((fault) => `MODELS, PLANS: the model ${fault}`);
}

function unknownPlansOfServers({ tools: { servers = [] }, plans }: Settings): string[] {
  return unknownPlans(servers, plans).map((fault) => `MCP_SERVERS, PLANS: the server ${fault}`);
}

interface ForPlans {
  readonly name: string;
  readonly plans: readonly string[] | null;
}

function unknownPlans(declared: readonly ForPlans[], plans: Settings['plans']): string[] {
  const known = plans.map(({ id }) => id);
  return declared.flatMap(({ name, plans: named }) =>
    (named ?? [])
      .filter((plan) => !known.includes(plan))
      .map((plan) => `${name} is for the plan ${plan}, and there are: ${known.join(', ')}`),
  );
}

function plansWithoutModels({ model: { declared = [] }, plans }: Settings): string[] {
  if (declared.length === 0) return [];
  return plans
    .filter(({ id }) => declared.every((model) => model.plans?.includes(id) === false))
    .map(({ id }) => `MODELS, PLANS: the plan ${id} may use none of the models; add it to the plans of one`);
}

function unknownTitleModel({ model: { declared, name }, titles }: Settings): string[] {
  const known = declared?.map((model) => model.name) ?? [name];
  if (titles.model === undefined || known.includes(titles.model)) return [];
  return [`CONVERSATION_TITLE_MODEL, MODELS: there is no model ${titles.model}, only: ${known.join(', ')}`];
}
