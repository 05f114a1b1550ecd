/** Limits on the open WebSockets of an instance. */
export interface WebSocketLimits {
  /** Those without a login take at most a quarter. */
  readonly total: number;
  readonly perClient: number;
  readonly perUser: number;
  /** Without a login, of one client. */
  readonly anonymousPerClient: number;
}

export const DEFAULT_LIMITS: WebSocketLimits = {
  total: 10_000,
  perClient: 1_000,
  perUser: 100,
  anonymousPerClient: 100,
};

export interface Occupant {
  /** Whether it may be closed for a newcomer: nothing runs on it, and no token of it is being checked. */
  isIdle(): boolean;
  /** Closes it, since a newcomer needs its place. */
  giveWay(): void;
}

/** The limit that a socket was refused or closed by. */
export type Refusal = 'client' | 'user' | 'total';

interface Place {
  readonly client: string;
  readonly occupant: Occupant;
  user: string | null;
}

interface ClientPlaces {
  count: number;
  /** Those without a login, oldest first. */
  readonly anonymous: Set<Place>;
}

/**
 * Who has which of the open WebSockets. A socket without a login gives way to a newcomer where its client, or all such sockets
 * together, have too many: anyone can open them and keep them open, and whoever does must not shut out those who log in. Of
 * all clients, the one with the most loses one.
 */
export class WebSocketPlaces {
  readonly #clients = new Map<string, ClientPlaces>();
  readonly #users = new Map<string, number>();
  #count = 0;
  #anonymous = 0;

  constructor(private readonly limits: WebSocketLimits) {}

  /** Makes room for one more socket of the client. @returns the limit that refuses it, or null */
  makeRoom(client: string): Refusal | null {
    const { total, perClient, anonymousPerClient } = this.limits;
    const own = this.#clients.get(client);
    if (own !== undefined && (own.anonymous.size >= anonymousPerClient || own.count >= perClient)) {
      if (!this.#displace(own)) return 'client';
    }
    if (this.#count >= total || this.#anonymous >= Math.max(1, Math.floor(total / 4))) {
      if (!this.#displaceAny()) return 'total';
    }
    return null;
  }

  take(client: string, occupant: Occupant): Place {
    const place: Place = { client, occupant, user: null };
    const own = this.#clients.get(client) ?? { count: 0, anonymous: new Set() };
    this.#clients.set(client, own);
    own.count += 1;
    own.anonymous.add(place);
    this.#count += 1;
    this.#anonymous += 1;
    return place;
  }

  /** Call it when a user has logged in on the socket. @returns false when the user has too many */
  own(place: Place, user: string): boolean {
    if (place.user !== null) return true;
    const count = this.#users.get(user) ?? 0;
    if (count >= this.limits.perUser) return false;
    if (this.#clients.get(place.client)?.anonymous.delete(place) !== true) return false;
    this.#anonymous -= 1;
    this.#users.set(user, count + 1);
    place.user = user;
    return true;
  }

  /** Does nothing the second time. */
  leave(place: Place): void {
    const own = this.#clients.get(place.client);
    if (place.user === null) {
      if (own?.anonymous.delete(place) !== true) return;
      this.#anonymous -= 1;
    } else {
      const count = this.#users.get(place.user) ?? 0;
      if (count > 1) this.#users.set(place.user, count - 1);
      else this.#users.delete(place.user);
    }
    this.#count -= 1;
    if (own !== undefined && --own.count === 0) this.#clients.delete(place.client);
  }

  #displaceAny(): boolean {
    const clients = [...this.#clients.values()].filter(({ anonymous }) => anonymous.size > 0);
    return clients.sort((one, other) => other.anonymous.size - one.anonymous.size).some((own) => this.#displace(own));
  }

  #displace(own: ClientPlaces): boolean {
    for (const place of own.anonymous) {
      if (!place.occupant.isIdle()) continue;
      this.leave(place);
      place.occupant.giveWay();
      return true;
    }
    return false;
  }
}

export type { Place };
