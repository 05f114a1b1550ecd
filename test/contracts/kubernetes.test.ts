import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { Ingress, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Secret, Service } from 'kubernetes-models/v1';
import { parseAllDocuments } from 'yaml';
import { readConfig, type Environment } from '../../src/config.js';
import { unknownSettings } from '../support/declared-settings.js';

const FOLDER = 'deploy/kubernetes';
/** What the Prometheus operator adds to a cluster, and kustomize: neither is part of Kubernetes. */
const OF_OTHERS = ['Kustomization', 'ServiceMonitor'];

const MODELS = {
  ConfigMap,
  Deployment,
  HorizontalPodAutoscaler,
  Ingress,
  NetworkPolicy,
  PodDisruptionBudget,
  Secret,
  Service,
};

interface Manifest {
  readonly file: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

const manifests = readdirSync(FOLDER).flatMap((file) =>
  parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8')).map((document) => {
    expect(document.errors).toEqual([]);
    return { file, ...(document.toJS() as Omit<Manifest, 'file'>) };
  }),
);

function the<Kind extends keyof typeof MODELS>(kind: Kind, name = 'flynkle') {
  const found = manifests.filter((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  expect(found).toHaveLength(1);
  return found[0] as unknown as InstanceType<(typeof MODELS)[Kind]>;
}

const pod = the('Deployment').spec?.template.spec;
const [container] = pod?.containers ?? [];
const ports = new Map(container?.ports?.map(({ name, containerPort }) => [name, containerPort]));
const plain = the('ConfigMap').data ?? {};

describe('deploy/kubernetes', () => {
  let secrets: string;
  beforeAll(() => {
    secrets = mkdtempSync(join(tmpdir(), 'flynkle-kubernetes-'));
    const values: Record<string, string> = {
      'secret-key': 'mHq3bTz0vYk9cXw2LdRj7NsPf5GaUe8i',
      'database-url': 'postgresql://flynkle:w8Zk2nVq5tRb7yHc@db.example.com:5432/flynkle?sslmode=verify-full',
      'redis-url': 'rediss://:w8Zk2nVq5tRb7yHc@redis.example.com:6379/0',
      's3-access-key': 'flynkle',
      's3-secret-key': 'w8Zk2nVq5tRb7yHc',
      'smtp-url': 'smtps://flynkle:w8Zk2nVq5tRb7yHc@mail.example.com:465',
      'openai-api-key': 'sk-w8Zk2nVq5tRb7yHc',
    };
    for (const key of Object.keys(the('Secret').stringData ?? {})) {
      writeFileSync(join(secrets, key), values[key] ?? '');
    }
  });
  afterAll(() => {
    rmSync(secrets, { recursive: true });
  });

  /** The settings of a pod, as Kubernetes, the image and the secret make them. */
  const settings = (): Environment => {
    const image = Object.fromEntries(
      Array.from(
        /^ENV (.*)$/m.exec(readFileSync('Dockerfile', 'utf8'))?.[1]?.matchAll(/(\w+)=(\S+)/g) ?? [],
        (pair) => [String(pair[1]), pair[2]],
      ),
    );
    const own = (container?.env ?? []).map(({ name, value = '' }) => [name, value.replace(/^\/secrets/, secrets)]);
    return { ...image, ...(plain as Environment), ...(Object.fromEntries(own) as Environment) };
  };

  it.each(manifests.filter(({ kind }) => !OF_OTHERS.includes(kind)))(
    'is what Kubernetes takes: $file, $kind',
    (manifest) => {
      const Model = MODELS[manifest.kind as keyof typeof MODELS];
      expect(manifest).toMatchObject({ apiVersion: Model.apiVersion, kind: Model.kind });
      const model = new Model(manifest as never);
      expect(() => {
        model.validate();
      }).not.toThrow();
    },
  );

  it('lists every file', () => {
    const { resources } = manifests.find(({ kind }) => kind === 'Kustomization') as unknown as { resources: string[] };
    const others = ['kustomization.yaml', 'secret.example.yaml', 'servicemonitor.yaml'];
    expect([...resources, ...others].sort()).toEqual(readdirSync(FOLDER).sort());
  });

  it('sets what the service knows, so that it starts in production', () => {
    expect(unknownSettings(Object.keys(settings()))).toEqual([]);
    const config = readConfig(settings());
    expect(config).toMatchObject({
      production: true,
      host: '0.0.0.0',
      port: ports.get('http'),
      metrics: { port: ports.get('metrics') },
      dataDirectory: '/data',
      databaseUrl: expect.stringContaining('db.example.com') as unknown,
      redisUrl: expect.stringContaining('redis.example.com') as unknown,
      mail: { smtpUrl: expect.stringContaining('mail.example.com') as unknown },
      uploads: { s3: { accessKey: 'flynkle', bucket: 'flynkle' } },
    });
  });

  it('mounts each secret that a setting names, and has no value of one', () => {
    const named = (container?.env ?? []).map(({ value = '' }) => basename(value));
    expect(Object.keys(the('Secret').stringData ?? {}).sort()).toEqual(named.sort());
    expect(Object.values(the('Secret').stringData ?? {}).filter((value) => value !== '')).toEqual([]);
    expect(pod?.volumes?.find(({ secret }) => secret !== undefined)?.secret?.secretName).toBe(
      the('Secret').metadata?.name,
    );
  });

  it('waits longer for a pod to end than the service takes', () => {
    const { drainSeconds, shutdownSeconds } = readConfig(settings());
    expect(pod?.terminationGracePeriodSeconds).toBeGreaterThan(drainSeconds + shutdownSeconds);
  });

  it('runs without root, rights or a file system to write to but /data and /tmp', () => {
    expect(pod?.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
    expect(readFileSync('Dockerfile', 'utf8')).toMatch(/^USER 1000:1000$/m);
    expect(container?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const writable = (container?.volumeMounts ?? []).filter(({ readOnly }) => readOnly !== true);
    expect(writable.map(({ mountPath }) => mountPath)).toEqual(['/data', '/tmp']);
  });

  it('selects the pods, and reaches ports that they have', () => {
    const labels = the('Deployment').spec?.template.metadata?.labels;
    const selectors = [
      the('Deployment').spec?.selector.matchLabels,
      the('Service').spec?.selector,
      the('Service', 'flynkle-metrics').spec?.selector,
      the('PodDisruptionBudget').spec?.selector?.matchLabels,
      the('NetworkPolicy').spec?.podSelector?.matchLabels,
    ];
    for (const selector of selectors) expect(labels).toMatchObject(selector ?? { none: 'selected' });

    const served = ['flynkle', 'flynkle-metrics'].flatMap((name) => the('Service', name).spec?.ports ?? []);
    const allowed = the('NetworkPolicy').spec?.ingress?.flatMap((rule) => rule.ports ?? []) ?? [];
    const probed = [container?.startupProbe, container?.livenessProbe, container?.readinessProbe];
    const named = [
      ...served.map(({ targetPort }) => targetPort),
      ...allowed.map(({ port }) => port),
      ...probed.map((probe) => probe?.httpGet?.port),
    ];
    expect(new Set(named)).toEqual(new Set(ports.keys()));
    expect(the('Ingress').spec?.rules?.[0]?.http?.paths[0]?.backend.service).toEqual({
      name: 'flynkle',
      port: { name: 'http' },
    });
    const monitor = manifests.find(({ kind }) => kind === 'ServiceMonitor') as unknown as {
      spec: { selector: { matchLabels: Record<string, string> }; endpoints: { port: string }[] };
    };
    expect(the('Service', 'flynkle-metrics').metadata?.labels).toMatchObject(monitor.spec.selector.matchLabels);
    expect(monitor.spec.endpoints.map(({ port }) => port)).toEqual(
      the('Service', 'flynkle-metrics').spec?.ports?.map(({ name }) => name),
    );
  });

  it('lets only monitors reach METRICS_PORT', () => {
    const rules = the('NetworkPolicy').spec?.ingress?.filter((rule) =>
      rule.ports?.some(({ port }) => port === 'metrics'),
    );
    expect(rules?.flatMap(({ from = [] }) => from)).toEqual([
      { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } },
    ]);
    expect(the('Service').spec?.ports?.map(({ targetPort }) => targetPort)).toEqual(['http']);
  });

  it('asks the health checks', () => {
    const probes = [container?.startupProbe, container?.livenessProbe, container?.readinessProbe];
    expect(probes.map((probe) => probe?.httpGet?.path)).toEqual(['/health/ready', '/health/live', '/health/ready']);
  });
});
