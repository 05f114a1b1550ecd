import { z } from 'zod';

/** A server whose tools models may call, as the operator declares it. */
export interface ToolServerDeclaration {
  /** Stands before the names of its tools. */
  readonly name: string;
  readonly url: string;
  /** The name of the environment variable that has the key; undefined for a server without keys. */
  readonly keyVariable: string | undefined;
  /** The plans whose users it is for; null for all. */
  readonly plans: readonly string[] | null;
  /** The tools that may be called, by the server's names; null for all. */
  readonly tools: readonly string[] | null;
  readonly timeoutSeconds: number;
  /** The header that tells the server who asks; null for none. */
  readonly userHeader: string | null;
}

const MAX_SERVERS = 10;
const MAX_TIMEOUT_SECONDS = 600;
const TIMEOUT_MESSAGE = `must be a whole number of seconds from 1 to ${MAX_TIMEOUT_SECONDS}`;

/** Headers that have a meaning of their own in requests to a server. */
const TAKEN_HEADER =
  /^(?:accept.*|authorization|connection|content-.*|cookie|expect|host|keep-alive|last-event-id|mcp-.*|origin|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i;

/**
 * Schema of the setting `MCP_SERVERS`. A fault of one server does not hide those of others.
 * @param url the rule of a server's URL
 */
export function toolServersSchema(url: z.ZodType<string>) {
  const one = declaration(url);
  return z
    .array(z.unknown(), 'must be a list of servers, as [{"name":"files","url":"https://mcp.example.com/mcp"}]')
    .max(MAX_SERVERS, `must be at most ${MAX_SERVERS} servers`)
    .transform((entries, context): readonly ToolServerDeclaration[] => {
      const names: string[] = [];
      return entries.flatMap((entry, index) => {
        const { data, error } = one.safeParse(entry);
        for (const { path, message } of error?.issues ?? [])
          context.addIssue({ code: 'custom', path: [index, ...path], message });
        if (data === undefined) return [];
        if (names.includes(data.name)) {
          context.addIssue({ code: 'custom', path: [index, 'name'], message: `is another server's too: ${data.name}` });
        }
        names.push(data.name);
        return [data];
      });
    });
}

function declaration(url: z.ZodType<string>) {
  return z
    .strictObject({
      name: z
        .string()
        .regex(
          /^[A-Za-z0-9][A-Za-z0-9-]{0,29}$/,
          'must be 1 to 30 letters, digits and dashes, and begin with a letter or digit',
        ),
      url,
      keyVariable: z
        .string()
        .regex(/^[A-Z][A-Z0-9_]{0,99}$/, 'must be the name of an environment variable, as FILES_KEY, and not the key')
        .optional(),
      plans: z
        .array(z.string())
        .min(1, 'must name one plan at least; left out, the server is for all plans')
        .optional(),
      tools: z
        .array(z.string().min(1, 'must not be empty'))
        .min(1, 'must name one tool at least; left out, all tools of the server may be called')
        .optional(),
      timeoutSeconds: z
        .int(TIMEOUT_MESSAGE)
        .min(1, TIMEOUT_MESSAGE)
        .max(MAX_TIMEOUT_SECONDS, TIMEOUT_MESSAGE)
        .default(30),
      userHeader: z
        .string()
        .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'must be the name of a header, as X-User-ID')
        .refine(
          (name) => !TAKEN_HEADER.test(name),
          'is a header with a meaning of its own; choose another, as X-User-ID',
        )
        .optional(),
    })
    .transform(({ keyVariable, plans = null, tools = null, userHeader = null, ...server }): ToolServerDeclaration => ({
      ...server,
      keyVariable,
      plans,
      tools,
      userHeader,
    }));
}
