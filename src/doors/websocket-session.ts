import { CloseCode } from 'graphql-ws';
import type { WebSocket } from 'ws';
import { DomainError } from '../kernel/errors.js';
import type { AccessEnd, FollowViewer, Viewer } from '../kernel/viewer.js';

/** Looks up the viewer of these credentials; null are those of the upgrade request. */
export type Authenticate = (authorization: string | null) => Promise<Viewer>;

export interface WebSocketSessionOptions {
  readonly socket: WebSocket;
  readonly follow: FollowViewer;
  readonly authenticate: Authenticate;
  readonly isIdle: () => boolean;
}

/** Grace period for running operations when a session ends, after which the socket is closed. */
const ENDING_MS = 250;
/** New tokens of a socket that may wait for their check. */
const MAX_WAITING = 10;
/** In the protocol's range for what an application defines. */
export const TOO_MANY_REQUESTS = 4429;

/** Reasons in the close frame: the client may connect again, with a good token. */
const REASONS: Readonly<Record<AccessEnd, string>> = { expired: 'Token expired', ended: 'Session ended' };

/**
 * Whose a socket is, by the latest token that came over it: that of `connection_init`, or of a `ping` since. Follows that
 * viewer, and closes the socket (4403) when the token expires or the session ends, whether anything runs on it or not.
 */
export class WebSocketSession {
  readonly #socket: WebSocket;
  readonly #follow: FollowViewer;
  readonly #authenticate: Authenticate;
  readonly #isIdle: () => boolean;
  #authorization: string | null = null;
  #viewer: Viewer | null = null;
  #stopFollowing: (() => void) | undefined;
  /** The checks of tokens, one after the other: the one that was sent last counts, not the one whose check took longest. */
  #checks: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #endReason: string | null = null;

  constructor({ socket, follow, authenticate, isIdle }: WebSocketSessionOptions) {
    this.#socket = socket;
    this.#follow = follow;
    this.#authenticate = authenticate;
    this.#isIdle = isIdle;
  }

  /** The token that the next operation authenticates with; null for the credentials of the upgrade request. */
  get authorization(): string | null {
    return this.#authorization;
  }

  /** The viewer of the latest token; null before the first that was found good. */
  get viewer(): Viewer | null {
    return this.#viewer;
  }

  /**
   * Checks the credentials that the socket was opened with. With bad ones it is closed with 4403 and the reason, so that a
   * client learns it at once; a failure to check them is left to each operation, which looks the viewer up anew.
   * @returns whether the socket stays open
   */
  async open(authorization: string | null): Promise<boolean> {
    this.#authorization = authorization;
    try {
      this.adopt(await this.#inTurn(() => this.#authenticate(authorization)));
    } catch (error) {
      return !this.#refuse(error);
    }
    return true;
  }

  /** Takes whom an operation was found to be of, where nobody is known: the database may have been away at the opening. */
  adopt(viewer: Viewer): void {
    if (this.#viewer === null) this.#become(viewer);
  }

  /**
   * Puts a new token in the present one's place, for what runs on the socket too. It has to be of the same user; a socket
   * without credentials becomes its user's. With a bad one the socket is closed with 4403 and the reason.
   * @returns the viewer of it; null when the socket is closed
   * @throws whatever kept it from being checked: the socket goes on under the present one
   */
  async renew(authorization: string): Promise<Viewer | null> {
    if (this.#waiting >= MAX_WAITING) {
      this.#socket.close(TOO_MANY_REQUESTS, `At most ${MAX_WAITING} new tokens at once`);
      return null;
    }
    return this.#inTurn(async () => {
      try {
        if (!this.#isOpen) return null;
        const viewer = await this.#authenticate(authorization);
        return this.#take(authorization, viewer) ? viewer : null;
      } catch (error) {
        if (this.#refuse(error)) return null;
        throw error;
      }
    });
  }

  /** To be called when the last operation is over: closes a socket whose time is over. */
  leaveIfOver(): void {
    if (this.#endReason !== null) this.#socket.close(CloseCode.Forbidden, this.#endReason);
  }

  /** To be called when the socket is closed. */
  close(): void {
    this.#stopFollowing?.();
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN && this.#endReason === null;
  }

  async #inTurn<Result>(check: () => Promise<Result>): Promise<Result> {
    this.#waiting += 1;
    const turn = this.#checks.then(check);
    this.#checks = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  #take(authorization: string, viewer: Viewer): boolean {
    if (!this.#isOpen) return false;
    if (this.#viewer !== null && this.#viewer.userId !== viewer.userId) {
      this.#socket.close(CloseCode.Forbidden, "Another user's token");
      return false;
    }
    this.#authorization = authorization;
    this.#become(viewer);
    return true;
  }

  /** @returns false for an error that says nothing of the credentials */
  #refuse(error: unknown): boolean {
    if (!(error instanceof DomainError) || error.code === 'UNAVAILABLE') return false;
    this.#socket.close(CloseCode.Forbidden, error.message.slice(0, 100));
    return true;
  }

  #become(viewer: Viewer): void {
    if (!this.#isOpen) return;
    this.#viewer = viewer;
    this.#stopFollowing ??= this.#follow(
      () => this.#viewer ?? viewer,
      (why) => {
        this.#end(REASONS[why]);
      },
    );
  }

  /** Subscriptions are about to end by themselves, with the error that says why. */
  #end(reason: string): void {
    this.#endReason = reason;
    const leave = () => {
      this.leaveIfOver();
    };
    if (this.#isIdle()) leave();
    else setTimeout(leave, ENDING_MS).unref();
  }
}
