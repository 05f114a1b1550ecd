import { toolServersSchema } from '../features/chat/replies/tool-server-settings.js';
import { json, positive, serverUrl } from './readers.js';
import { secret, withDefault, type Topic } from './setting.js';

export const toolsSettings = {
  title: 'Tools that the model calls',
  settings: {
    tools: {
      toolWaitSeconds: withDefault('TOOL_WAIT_SECONDS', positive(86_400), {
        description:
          'Seconds that a reply waits for the client to answer the tools that its model has called; then it ends with what had come.',
        default: '600',
      }),
      maxToolRounds: withDefault('MAX_TOOL_ROUNDS', positive(100), {
        description:
          'How often the model may answer in one reply, counting those that call tools: in the last, it may call none.',
        default: '10',
      }),
      servers: secret('MCP_SERVERS', json.pipe(toolServersSchema(serverUrl)), {
        description:
          'Servers of the Model Context Protocol (streamable HTTP) whose tools the service lets models call, as a JSON list on one line. Each has a name (its tools are offered as <name>__<tool>) and url; and optionally keyVariable (the name of the environment variable that has its bearer token, which may also be given as <variable>_FILE), plans (whose users it is for; all by default), tools (that may be called; all by default), timeoutSeconds (of a call; 30 by default) and userHeader (the name of a header that tells the server the id of the user whose question it is).',
        example:
          '[{"name":"files","url":"https://mcp.example.com/mcp","keyVariable":"FILES_KEY","plans":["pro"],"tools":["search","read"],"timeoutSeconds":20,"userHeader":"X-User-ID"}]',
      }),
    },
  },
} satisfies Topic;
