import { z } from 'zod';
import { flag, httpHeaders, keyValuePairs, serverUrl } from './readers.js';
import { optional, secret, withDefault, type Topic } from './setting.js';

const PROTOCOL = 'http/protobuf';

/** The variables that OpenTelemetry has defined for this: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
export const tracesSettings = {
  title: 'Traces',
  settings: {
    traces: {
      endpoint: optional('OTEL_EXPORTER_OTLP_ENDPOINT', serverUrl, {
        description:
          'URL of an OpenTelemetry collector, which is sent traces at /v1/traces below it. Default: none, and nothing is traced.',
        example: 'http://localhost:4318',
      }),
      headers: secret('OTEL_EXPORTER_OTLP_HEADERS', httpHeaders, {
        description:
          'Headers that the collector asks for, as name=value,name=value; characters in a value that are special there are percent-encoded.',
      }),
      protocol: withDefault(
        'OTEL_EXPORTER_OTLP_PROTOCOL',
        z.literal(PROTOCOL, { error: `must be ${PROTOCOL}; grpc and http/json are not supported` }),
        { description: `How traces are sent: ${PROTOCOL} alone.`, default: PROTOCOL },
      ),
      serviceName: withDefault('OTEL_SERVICE_NAME', z.string().max(255), {
        description: 'The name of the service in traces.',
        default: 'flynkle-api',
      }),
      resource: withDefault('OTEL_RESOURCE_ATTRIBUTES', keyValuePairs, {
        description: 'What else traces say of this instance, as key=value,key=value.',
        default: '',
        example: 'deployment.environment.name=production,service.namespace=chat',
      }),
      sampler: withDefault(
        'OTEL_TRACES_SAMPLER',
        z.enum([
          'always_on',
          'always_off',
          'traceidratio',
          'parentbased_always_on',
          'parentbased_always_off',
          'parentbased_traceidratio',
        ]),
        {
          description:
            'Which requests are traced. With parentbased, a request that names a trace (the header traceparent) is traced if that one is, whoever sent it; without, this service decides alone.',
          default: 'parentbased_always_on',
        },
      ),
      ratio: withDefault('OTEL_TRACES_SAMPLER_ARG', share(), {
        description: 'The share of requests that traceidratio takes, from 0 to 1.',
        default: '1',
        example: '0.01',
      }),
      capturesContent: withDefault('OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT', flag, {
        description:
          'true or false: whether traces hold what the model was asked and what it answered: the text of messages, as far as 16,000 characters of each.',
        default: 'false',
      }),
    },
  },
} satisfies Topic;

function share() {
  const message = 'must be a number from 0 to 1, as 0.01';
  return z
    .string()
    .regex(/^(?:0?\.\d+|[01](?:\.0*)?)$/, message)
    .transform(Number);
}
