import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema, type CallToolResult } from '@modelcontextprotocol/sdk/types.js';

interface TestTool {
  readonly name: string;
  readonly description?: string;
  readonly answer: (
    values: Readonly<Record<string, unknown>>,
    headers: IncomingHttpHeaders,
  ) => CallToolResult | Promise<CallToolResult>;
}

export interface TestToolServer {
  readonly url: string;
  /** The headers of all requests, in order of arrival. */
  readonly requests: readonly IncomingHttpHeaders[];
  /** While it is set, this answers in place of the protocol. */
  answer: ((response: ServerResponse) => void) | undefined;
  close(): Promise<void>;
}

/** A server of the Model Context Protocol, by its own SDK, on a socket. */
export async function startToolServer(tools: readonly TestTool[]): Promise<TestToolServer> {
  const requests: IncomingHttpHeaders[] = [];
  const http = createServer((request, response) => {
    requests.push(request.headers);
    if (running.answer !== undefined) {
      running.answer(response);
      return;
    }
    const server = protocolOf(tools, request.headers);
    const transport = new StreamableHTTPServerTransport();
    response.once('close', () => void server.close());
    server
      .connect(transport as Parameters<McpServer['connect']>[0])
      .then(() => transport.handleRequest(request, response))
      .catch((error: unknown) => response.destroy(error as Error));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const running: TestToolServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    requests,
    answer: undefined,
    close: async () => {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
  return running;
}

function protocolOf(tools: readonly TestTool[], headers: IncomingHttpHeaders): McpServer {
  const protocol = new McpServer({ name: 'test', version: '1.0.0' }, { capabilities: { tools: {} } });
  const { server } = protocol;
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: tools.map(({ name, description }) => ({ name, description, inputSchema: { type: 'object' as const } })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    const tool = tools.find(({ name }) => name === params.name);
    if (tool === undefined) throw new Error('There is no such tool here');
    return tool.answer(params.arguments ?? {}, headers);
  });
  return protocol;
}
