import { SecretSearch, type Secret } from '../secrets/secret-search.js';
import type { HostSecrets } from '../secrets/suite-secrets.js';
import { WireSecrets } from '../secrets/wire-secrets.js';
import { makePasswordsCheap, restorePasswords } from '../cheap-passwords.js';
import { HostedDatabases } from './hosted-databases.js';
import { HostedService } from './hosted-service.js';
import type { Host, StartedService, StartOptions } from './protocol.js';

/** Services without a suite that are kept for one with the same settings. Each takes 100 MB. */
const KEPT = 2;

export class SuiteHost implements Host {
  readonly #taken = new Map<string, HostedService>();
  /** By {@link HostedService.kind}, the one that has waited longest first. */
  readonly #free = new Map<string, HostedService>();
  readonly #databases = new HostedDatabases();
  readonly #wire = new WireSecrets();
  readonly #logs: string[] = [];

  async startService(options: StartOptions): Promise<StartedService> {
    if (options.passwords === 'as shipped') restorePasswords();
    else makePasswordsCheap();
    const kind = HostedService.kindOf(options);
    const free = this.#free.get(kind);
    this.#free.delete(kind);
    await free?.begin(options);
    const service = free ?? (await HostedService.start(options, this.#watch));
    this.#taken.set(service.id, service);
    return service.started();
  }

  async restartService(id: string): Promise<StartedService> {
    const service = this.#find(id);
    await service.restart();
    return service.started();
  }

  async releaseService(id: string): Promise<void> {
    const service = this.#find(id);
    this.#taken.delete(id);
    if (!(await service.canServeAnother())) {
      await service.close();
      return;
    }
    service.endLog();
    await this.#free.get(service.kind)?.close();
    this.#free.delete(service.kind);
    this.#free.set(service.kind, service);
    if (this.#free.size > KEPT) await this.#closeOldest();
  }

  query(id: string, text: string, values?: readonly unknown[]) {
    return this.#find(id).query(text, values);
  }

  queryCount(id: string): Promise<number> {
    return Promise.resolve(this.#find(id).queryCount);
  }

  heapUsed(): Promise<number> {
    globalThis.gc?.();
    return Promise.resolve(process.memoryUsage().heapUsed);
  }

  openDatabase() {
    return this.#databases.open();
  }

  closeDatabase(port: number) {
    return this.#databases.close(port);
  }

  async endSuite(noted: readonly Secret[]): Promise<HostSecrets> {
    await this.releaseAll();
    const secrets = this.#wire.take();
    const search = new SecretSearch([...noted, ...secrets]);
    return { found: this.#logs.splice(0).flatMap((log) => search.in(log)), secrets };
  }

  /** For the next suite: closes what the one before it has left open. */
  async releaseAll(): Promise<void> {
    const left = [...this.#taken.values()];
    this.#taken.clear();
    await Promise.all([this.#databases.closeAll(), ...left.map((service) => service.close())]);
  }

  async close(): Promise<void> {
    await this.releaseAll();
    await Promise.all([...this.#free.values()].map((service) => service.close()));
  }

  readonly #watch = {
    secrets: (secrets: Iterable<Secret>) => {
      this.#wire.add(secrets);
    },
    log: (text: string) => this.#logs.push(text),
  };

  async #closeOldest(): Promise<void> {
    for (const [kind, service] of this.#free) {
      this.#free.delete(kind);
      await service.close();
      return;
    }
  }

  #find(id: string): HostedService {
    const service = this.#taken.get(id);
    if (service === undefined) throw new Error('The service was closed');
    return service;
  }
}
