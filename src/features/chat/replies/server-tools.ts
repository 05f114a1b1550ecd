import { createHash } from 'node:crypto';
import type { Log } from '../../../kernel/log.js';
import type { Timers } from '../../../kernel/timers.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { ModelTool } from '../../../ports/language-model.js';
import { ToolServerFailed, type ServedTool, type ToolServer } from '../../../ports/tool-server.js';
import type { ToolCall, ToolResult } from '../messages/reply-transcript.js';
import type { PlanCatalogue } from '../plans/plan.js';
import { AtOnce } from './at-once.js';
import type { ToolServerDeclaration } from './tool-server-settings.js';
import {
  MAX_RESULT_LENGTH,
  MAX_TOOL_DESCRIPTION_LENGTH,
  MAX_TOOLS,
  MAX_TOOLS_BYTES,
  RESERVED_TOOL_NAME,
  resultOf,
  TOOL_NAME,
  type OwnTools,
  type ReplyPlace,
} from './tools.js';

/** A configured server, and what speaks with it. */
export interface ConnectedToolServer extends Pick<ToolServerDeclaration, 'name' | 'plans' | 'tools'> {
  readonly server: ToolServer;
}

interface ServerToolsNeeds {
  readonly toolServers: readonly ConnectedToolServer[];
  readonly plans: Pick<PlanCatalogue, 'of'>;
  readonly audit: AuditLog;
  readonly timers: Timers;
  readonly log: Pick<Log, 'warn'>;
}

/** How long a listing is used, and how long a server is left alone that could not be listed. */
const LISTED_MS = 300_000;
const LEFT_ALONE_MS = 30_000;
/** A question waits for a listing no longer than this, whatever the server's calls may take. */
const LISTING_MS = 5_000;
const MAX_NAME_LENGTH = 64;
/** Calls of one answer that are made at the same time. */
const MAX_AT_ONCE = 4;
/** Maximum characters of all results of one answer together. */
const MAX_RESULTS_LENGTH = 4 * MAX_RESULT_LENGTH;

interface Listing {
  readonly tools: Promise<readonly ServedTool[]>;
  readonly until: number;
}

interface OfferedTool {
  readonly from: ConnectedToolServer;
  /** By which the server knows it. */
  readonly name: string;
}

/** The tools of the operator's servers: which a user's model is offered, and its calls of them. */
export class ServerTools {
  readonly #listings = new Map<string, Listing>();
  /** Servers of which the log has been told that they fail, or that they have too much. */
  readonly #failing = new Set<string>();
  readonly #cut = new Set<string>();

  constructor(private readonly needs: ServerToolsNeeds) {}

  /** @returns null where there are none for this user */
  async find(viewer: Viewer, place: ReplyPlace): Promise<OwnTools | null> {
    const plan = this.needs.plans.of(viewer.plan).id;
    const allowed = this.needs.toolServers.filter(({ plans }) => plans === null || plans.includes(plan));
    const listed = await Promise.all(allowed.map(async (from) => ({ from, tools: await this.#list(from) })));
    const offered = new Map<string, OfferedTool>();
    const tools: ModelTool[] = [];
    let bytes = 0;
    for (const { from, tools: served } of listed) {
      for (const tool of served) {
        const { name } = tool;
        if (from.tools?.includes(name) === false) continue;
        const made = toModelTool(from.name, tool);
        if (offered.has(made.name)) continue;
        const size = Buffer.byteLength(JSON.stringify(made));
        if (tools.length === MAX_TOOLS || bytes + size > MAX_TOOLS_BYTES) {
          this.#warnOfCut(from.name);
          continue;
        }
        bytes += size;
        tools.push(made);
        offered.set(made.name, { from, name });
      }
    }
    return tools.length === 0 ? null : this.#ownTools(viewer, place, tools, offered);
  }

  #ownTools(
    viewer: Viewer,
    place: ReplyPlace,
    tools: readonly ModelTool[],
    offered: ReadonlyMap<string, OfferedTool>,
  ): OwnTools {
    const atOnce = new AtOnce(MAX_AT_ONCE);
    let room = MAX_RESULTS_LENGTH;
    return {
      tools,
      serverOf: (name) => offered.get(name)?.from.name ?? null,
      call: (call, signal) =>
        atOnce.run(async () => {
          const tool = offered.get(call.name);
          if (tool === undefined) return resultOf(call.id, { error: 'There is no such tool' });
          if (signal.aborted) return resultOf(call.id, { error: 'The reply has ended' });
          const started = this.needs.timers.now();
          const result = await this.#call(viewer, tool, call, signal);
          await this.#record(viewer, place, tool, {
            outcome: result.error === null ? 'OK' : 'FAILED',
            durationMs: Math.round(this.needs.timers.now() - started),
          });
          const length = (result.output ?? result.error ?? '').length;
          if (length > room) return resultOf(call.id, { error: 'The results of these calls are too long together' });
          room -= length;
          return result;
        }),
    };
  }

  async #call(viewer: Viewer, { from, name }: OfferedTool, call: ToolCall, signal: AbortSignal): Promise<ToolResult> {
    const values = argumentsIn(call.arguments);
    if (values === null) return resultOf(call.id, { error: 'The arguments must be a JSON object' });
    try {
      const request = { tool: name, arguments: values, userId: viewer.userId };
      const { text, isError } = await from.server.call(request, signal);
      const cut = text.slice(0, MAX_RESULT_LENGTH);
      if (isError) return resultOf(call.id, { error: cut === '' ? 'The tool failed' : cut });
      return resultOf(call.id, { output: cut });
    } catch (error) {
      if (!signal.aborted)
        this.needs.log.warn({ server: from.name, tool: name, ...wordsOf(error) }, 'a tool call failed');
      return resultOf(call.id, { error: ERRORS[error instanceof ToolServerFailed ? error.reason : 'FAILED'] });
    }
  }

  /** The tool has been called, so that a log that is away changes nothing. */
  async #record(
    { userId, client }: Viewer,
    place: ReplyPlace,
    { from, name }: OfferedTool,
    details: { readonly outcome: 'OK' | 'FAILED'; readonly durationMs: number },
  ): Promise<void> {
    const tool = name.slice(0, MAX_NAME_LENGTH).replaceAll('\0', '').toWellFormed();
    const event = {
      actorId: userId,
      subjectId: userId,
      client,
      details: { ...place, server: from.name, tool, ...details },
    };
    try {
      await this.needs.audit.record({ action: 'TOOL_CALLED', ...event });
    } catch (error) {
      this.needs.log.warn({ err: error, ...event.details }, 'a tool call was not recorded');
    }
  }

  /** The tools of a server; none while it cannot be listed. */
  #list({ name, server }: ConnectedToolServer): Promise<readonly ServedTool[]> {
    const { timers, log } = this.needs;
    const known = this.#listings.get(name);
    if (known !== undefined && timers.now() < known.until) return known.tools;
    const tools = server.list(AbortSignal.timeout(LISTING_MS)).then(
      (found) => {
        this.#failing.delete(name);
        return found;
      },
      (error: unknown): readonly ServedTool[] => {
        if (!this.#failing.has(name)) {
          log.warn({ server: name, ...wordsOf(error) }, 'the tools of a server could not be listed; none are offered');
        }
        this.#failing.add(name);
        this.#listings.set(name, { tools: Promise.resolve([]), until: timers.now() + LEFT_ALONE_MS });
        return [];
      },
    );
    this.#listings.set(name, { tools, until: timers.now() + LISTED_MS });
    return tools;
  }

  #warnOfCut(server: string): void {
    if (this.#cut.has(server)) return;
    this.#cut.add(server);
    const limits = { most: MAX_TOOLS, mostBytes: MAX_TOOLS_BYTES };
    this.needs.log.warn({ server, ...limits }, 'a server has more tools than are offered; name those that matter');
  }
}

/** Told to the model. */
const ERRORS: Readonly<Record<ToolServerFailed['reason'], string>> = {
  FAILED: 'The tool could not be called',
  TIMED_OUT: 'The tool did not answer in time',
  TOO_LARGE: 'The answer of the tool is too large',
};

function toModelTool(server: string, { name, description, parameters }: ServedTool): ModelTool {
  return {
    name: offeredName(`${server}${RESERVED_TOOL_NAME}`, name),
    ...(description !== undefined && { description: description.slice(0, MAX_TOOL_DESCRIPTION_LENGTH).toWellFormed() }),
    parameters,
  };
}

/** As providers have names. One that has to be changed gets a part of its hash, so that it is still no other tool's. */
function offeredName(prefix: string, name: string): string {
  if (TOOL_NAME.test(prefix + name)) return prefix + name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  const length = MAX_NAME_LENGTH - prefix.length - hash.length - 1;
  return `${prefix}${name.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, length)}_${hash}`;
}

/** Models send nothing at all for a tool without arguments. */
function argumentsIn(json: string): Readonly<Record<string, unknown>> | null {
  if (json.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

const MAX_WORDS = 200;

/** For the log: what a server says may be long. */
function wordsOf(error: unknown): object {
  if (!(error instanceof ToolServerFailed)) return { err: error };
  const { reason, cause } = error;
  return { reason, ...(cause instanceof Error && { cause: cause.message.slice(0, MAX_WORDS) }) };
}
