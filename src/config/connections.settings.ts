import { positive } from './readers.js';
import { withDefault, type Topic } from './setting.js';

const CLIENT = 'of a client (the IPv4 address, or the IPv6 /64)';

export const connectionsSettings = {
  title: 'Open connections, of each instance',
  settings: {
    connections: {
      webSockets: withDefault('MAX_WEBSOCKETS', positive(1_000_000), {
        description: 'Open WebSockets. Those that nobody has logged in on take a quarter at most.',
        default: '10000',
      }),
      webSocketsPerClient: withDefault('MAX_WEBSOCKETS_PER_CLIENT', positive(1_000_000), {
        description: `Open WebSockets ${CLIENT}; one more is refused with 429.`,
        default: '1000',
      }),
      webSocketsPerUser: withDefault('MAX_WEBSOCKETS_PER_USER', positive(1_000_000), {
        description: 'Open WebSockets of a user; one more is closed with 4429.',
        default: '100',
      }),
      anonymousPerClient: withDefault('MAX_WEBSOCKETS_WITHOUT_LOGIN', positive(1_000_000), {
        description: `Open WebSockets ${CLIENT} that nobody has logged in on; for one more, the oldest of them on which nothing runs is closed with 1013.`,
        default: '100',
      }),
      anonymousIdleSeconds: withDefault('WEBSOCKET_LOGIN_SECONDS', positive(86_400), {
        description:
          'Seconds after which a WebSocket that nobody has logged in on, and on which nothing runs, is closed with 4408.',
        default: '60',
      }),
      requests: withDefault('MAX_REQUESTS', positive(1_000_000), {
        description:
          'Requests that wait for their answer at once: more are refused with 503 before anything is done for them, those without credentials from three quarters of it on. Streams that have begun are not counted, and health checks are always answered.',
        default: '2000',
      }),
      eventLoopLagMs: withDefault('MAX_EVENT_LOOP_LAG_MS', positive(1_000_000), {
        description: 'Milliseconds by which the process may be late with its work; what is refused then is the same.',
        default: '1000',
      }),
      unreadBytesPerUser: withDefault('MAX_UNREAD_BYTES_PER_USER', positive(2_147_483_647), {
        description:
          'Bytes of answers that may wait until a user reads them; half of it on one connection. More is refused with 503, and a WebSocket is closed.',
        default: '33554432',
      }),
      streamsPerUser: withDefault('MAX_STREAMS_PER_USER', positive(1_000_000), {
        description:
          'Open subscriptions and streams of a user, over every kind of connection; one more is refused with 429.',
        default: '500',
      }),
    },
  },
} satisfies Topic;
