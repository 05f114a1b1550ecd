import type { ToolServer } from '../../ports/tool-server.js';
import type { Tracing } from '../../ports/tracing.js';

/** The server, which tells of each call of a tool; never of its arguments or its result. */
export function tracedToolServer(server: ToolServer, name: string, tracing: Tracing): ToolServer {
  return {
    list: (signal) =>
      tracing.during(`list_tools ${name}`, { attributes: { 'flynkle.tool_server': name } }, () => server.list(signal)),
    call: (call, signal) =>
      tracing.during(
        `execute_tool ${call.tool}`,
        {
          attributes: {
            'gen_ai.operation.name': 'execute_tool',
            'gen_ai.tool.name': call.tool,
            'flynkle.tool_server': name,
          },
        },
        async (span) => {
          const result = await server.call(call, signal);
          if (result.isError) span?.fail('tool_error');
          return result;
        },
      ),
  };
}
