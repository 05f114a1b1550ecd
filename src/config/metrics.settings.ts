import { listenHost, port } from './readers.js';
import { optional, type Topic } from './setting.js';

export const metricsSettings = {
  title: 'Metrics',
  settings: {
    metrics: {
      port: optional('METRICS_PORT', port, {
        description:
          'TCP port for operators, on which nobody has to log in: /metrics for Prometheus, and the health checks. Clients must not reach it. Default: none, and nothing is measured.',
        example: '9464',
      }),
      host: optional('METRICS_HOST', listenHost, {
        description: 'Address that METRICS_PORT listens on. Default: the one of HOST.',
        example: '127.0.0.1',
      }),
    },
  },
} satisfies Topic;
