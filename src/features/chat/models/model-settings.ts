import { z } from 'zod';
import { MAX_MODEL_NAME_LENGTH, MAX_REPLY_TOKENS, type Model } from './model.js';
import { PRICE_DECIMALS } from './price.js';

const MAX_MODELS = 50;

/** A model with what the operator alone knows of it: where it is, and the variable that has its key. */
export interface ModelDeclaration extends Model {
  /** By which the provider knows it. */
  readonly id: string;
  /** Base URL of the provider's API. */
  readonly baseUrl: string | undefined;
  /** The name of the environment variable that has the key; undefined for a server without keys. */
  readonly keyVariable: string | undefined;
  readonly isDefault: boolean;
}

const NAME = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,${MAX_MODEL_NAME_LENGTH - 1}}$`);

const tokens = (most: number) => {
  const message = `must be a whole number from 1 to ${most}`;
  return z.int(message).min(1, message).max(most, message);
};

/** A number or a text; as a text, so that it is exact. */
const price = z
  .union([z.number().transform(String), z.string()], 'must be a number, as 0.15')
  .refine(
    (value) => new RegExp(String.raw`^\d{1,9}(\.\d{1,${PRICE_DECIMALS}})?$`).test(value),
    `must be a number of at most ${PRICE_DECIMALS} decimals, as 0.15`,
  );

/**
 * Schema of the setting `MODELS`. A fault of one model does not hide those of others, nor what is wrong between them.
 * @param baseUrl the rule of a provider's URL
 */
export function modelsSchema(baseUrl: z.ZodType<string>) {
  const one = declaration(baseUrl);
  return z
    .array(z.unknown(), 'must be a list of models, as [{"name":"fast","id":"gpt-4o-mini",…}]')
    .min(1, 'needs one model at least')
    .max(MAX_MODELS, `must be at most ${MAX_MODELS} models`)
    .transform((entries, context): readonly ModelDeclaration[] => {
      const models = entries.map((entry, index) => {
        const parsed = one.safeParse(entry);
        for (const { path, message } of parsed.error?.issues ?? [])
          context.addIssue({ code: 'custom', path: [index, ...path], message });
        return parsed.data;
      });
      for (const { path, message } of faultsBetween(models, entries.map(nameIn)))
        context.addIssue({ code: 'custom', path, message });
      return models.flatMap((model) => model ?? []);
    });
}

function nameIn(entry: unknown): unknown {
  return typeof entry === 'object' && entry !== null && 'name' in entry ? entry.name : undefined;
}

function declaration(baseUrl: z.ZodType<string>) {
  return z
    .strictObject({
      name: z
        .string()
        .regex(
          NAME,
          `must be 1 to ${MAX_MODEL_NAME_LENGTH} letters, digits and . _ : / -, and begin with a letter or digit`,
        ),
      id: z.string().min(1, 'must not be empty').optional(),
      baseUrl: baseUrl.optional(),
      keyVariable: z
        .string()
        .regex(
          /^[A-Z][A-Z0-9_]{0,99}$/,
          'must be the name of an environment variable, as OPENAI_API_KEY, and not the key',
        )
        .optional(),
      contextTokens: tokens(100_000_000),
      maxReplyTokens: tokens(MAX_REPLY_TOKENS),
      takes: z.array(z.enum(['images', 'tools'], 'must be images or tools')).default([]),
      price: z.strictObject({ prompt: price, cached: price.optional(), completion: price }).optional(),
      plans: z
        .array(z.string())
        .min(1, 'must name one plan at least; left out, all plans may use the model')
        .optional(),
      fallback: z.string().optional(),
      default: z.boolean().optional(),
    })
    .transform((model): ModelDeclaration => ({
      name: model.name,
      id: model.id ?? model.name,
      baseUrl: model.baseUrl,
      keyVariable: model.keyVariable,
      contextTokens: model.contextTokens,
      maxReplyTokens: model.maxReplyTokens,
      takesImages: model.takes.includes('images'),
      takesTools: model.takes.includes('tools'),
      price: model.price === undefined ? null : { ...model.price, cached: model.price.cached ?? model.price.prompt },
      plans: model.plans ?? null,
      fallback: model.fallback ?? null,
      isDefault: model.default === true,
    }));
}

interface ModelFault {
  readonly path: [number, string];
  readonly message: string;
}

/** @param names of all models, also of those that have faults of their own */
function faultsBetween(models: readonly (ModelDeclaration | undefined)[], names: readonly unknown[]): ModelFault[] {
  const byName = new Map(models.flatMap((model) => (model === undefined ? [] : [[model.name, model]])));
  const firstDefault = models.findIndex((model) => model?.isDefault === true);
  return models.flatMap((model, index): ModelFault[] => {
    if (model === undefined) return [];
    const { name, fallback, maxReplyTokens, contextTokens, isDefault } = model;
    const fault = (field: string, message: string): ModelFault => ({ path: [index, field], message });
    const faults: ModelFault[] = [];
    if (names.indexOf(name) < index) faults.push(fault('name', `is another model's too: ${name}`));
    if (maxReplyTokens >= contextTokens) faults.push(fault('maxReplyTokens', 'must be smaller than contextTokens'));
    if (isDefault && index !== firstDefault) {
      faults.push(fault('default', `must be true for one model alone; it is for ${String(names[firstDefault])}, too`));
    }
    if (fallback === null) return faults;
    if (!names.includes(fallback)) {
      const known = names.filter((other) => typeof other === 'string' && other !== name);
      faults.push(fault('fallback', `must be the name of another model; there are: ${known.join(', ')}`));
    } else if (leadsBack(name, byName)) {
      faults.push(
        fault('fallback', `leads back to ${name}: a model must not fall back to itself, nor by way of others`),
      );
    }
    return faults;
  });
}

function leadsBack(name: string, models: ReadonlyMap<string, ModelDeclaration>): boolean {
  const seen = new Set<string>();
  for (let next = models.get(name)?.fallback; next != null && !seen.has(next); next = models.get(next)?.fallback) {
    if (next === name) return true;
    seen.add(next);
  }
  return false;
}
