import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema, ListToolsResultSchema, type CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import {
  ToolServerFailed,
  type ServedCall,
  type ServedResult,
  type ServedTool,
  type ToolServer,
} from '../../ports/tool-server.js';
import { boundedFetch } from './bounded-fetch.js';

interface McpToolServerOptions {
  readonly url: string;
  /** Sent as a bearer token; undefined for a server without keys. */
  readonly key: string | undefined;
  /** The header that says for whom a tool is called; null for none. */
  readonly userHeader: string | null;
  /** Maximum milliseconds of a call, or of a listing, all of its requests included. */
  readonly timeoutMs: number;
  /** The version of this service, which servers are told. */
  readonly version: string;
  /** Sends the requests, in place of Node's own. */
  readonly fetch?: typeof fetch | undefined;
}

/** Maximum bytes that a server may answer to one call, or one listing. */
const MAX_BYTES = 1_048_576;
const MAX_REQUESTS = 32;
/** Pages of a server's list of tools that are read; tools on later pages are not offered. */
const MAX_PAGES = 10;

type Ask = Pick<Client, 'request'>;

/**
 * A server that speaks the Model Context Protocol over streamable HTTP. Each visit is a session of its own, so that nothing of
 * one user's is in another's.
 */
export class McpToolServer implements ToolServer {
  constructor(private readonly options: McpToolServerOptions) {}

  list(signal: AbortSignal): Promise<readonly ServedTool[]> {
    return this.#visit(null, signal, async (client, options) => {
      const tools: ServedTool[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < MAX_PAGES; page++) {
        // Not by the client's own method: that compiles the schemas of results, which a server may have made to be slow.
        const params = cursor === undefined ? {} : { cursor };
        const answer = await client.request({ method: 'tools/list', params }, ListToolsResultSchema, options);
        tools.push(
          ...answer.tools.map(({ name, description, inputSchema }) => ({ name, description, parameters: inputSchema })),
        );
        cursor = answer.nextCursor;
        if (cursor === undefined) break;
      }
      return tools;
    });
  }

  call({ tool, arguments: values, userId }: ServedCall, signal: AbortSignal): Promise<ServedResult> {
    return this.#visit(userId, signal, async (client, options) => {
      const params = { name: tool, arguments: { ...values } };
      const result = await client.request({ method: 'tools/call', params }, CallToolResultSchema, options);
      return { text: result.content.map(textOf).join('\n'), isError: result.isError === true };
    });
  }

  async #visit<Result>(
    userId: string | null,
    signal: AbortSignal,
    work: (client: Ask, options: { readonly signal: AbortSignal; readonly timeout: number }) => Promise<Result>,
  ): Promise<Result> {
    const { url, timeoutMs, version, fetch: send = fetch } = this.options;
    const broken = new AbortController();
    const timeout = AbortSignal.timeout(timeoutMs);
    const until = AbortSignal.any([signal, timeout, broken.signal]);
    const breakOff = (error: Error) => {
      broken.abort(error);
    };
    const transport = new StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers: this.#headers(userId) },
      fetch: boundedFetch({
        maxBytes: MAX_BYTES,
        maxRequests: MAX_REQUESTS,
        signal: until,
        onExceeded: breakOff,
        send,
      }),
    });
    const client = new Client({ name: 'flynkle', version });
    // An answer that breaks off in the middle is told here alone, and nothing else would come.
    client.onerror = breakOff;
    // The client's own limit is for each request: the signal is for all of them.
    const options = { signal: until, timeout: timeoutMs + 1_000 };
    try {
      await client.connect(transport, options);
      return await work(client, options);
    } catch (error) {
      throw failureOf(broken.signal.aborted ? broken.signal.reason : error, timeout);
    } finally {
      client.onerror = () => undefined;
      void transport
        .terminateSession()
        .catch(() => undefined)
        .finally(() => client.close());
    }
  }

  #headers(userId: string | null): Record<string, string> {
    const { key, userHeader } = this.options;
    return {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(userHeader !== null && userId !== null && { [userHeader]: userId }),
    };
  }
}

function failureOf(error: unknown, timeout: AbortSignal): ToolServerFailed {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ToolServerFailed) return cause;
  }
  return new ToolServerFailed(timeout.aborted ? 'TIMED_OUT' : 'FAILED', error);
}

function textOf(content: CallToolResult['content'][number]): string {
  if (content.type === 'text') return content.text;
  if (content.type === 'resource' && 'text' in content.resource) return content.resource.text;
  return `[content of the type ${content.type}, which is not supported]`;
}
