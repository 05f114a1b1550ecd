import { CloseCode } from 'graphql-ws';
import type { WebSocket } from 'ws';
import { DomainError } from '../kernel/errors.js';
import type { AccessEnd, FollowViewer, Viewer } from '../kernel/viewer.js';

/** Looks up the viewer of the credentials; null means the credentials of the upgrade request. */
export type Authenticate = (authorization: string | null) => Promise<Viewer>;

export interface WebSocketSessionOptions {
  readonly socket: WebSocket;
  readonly follow: FollowViewer;
  /** Called after a token has taken the place of another, so that whoever follows its user looks again. */
  readonly onRenewal: (userId: string) => void;
  readonly authenticate: Authenticate;
  readonly isIdle: () => boolean;
  /** Called with the first viewer; when it returns false, it has closed the socket. */
  readonly admit: (viewer: Viewer) => boolean;
}

/** Grace period for running operations when a session ends, after which the socket is closed. */
const ENDING_MS = 250;
/** Maximum new tokens of a socket that wait to be checked. */
const MAX_WAITING = 10;
/** A close code in the range that graphql-transport-ws leaves to applications (4000-4999). */
export const TOO_MANY_REQUESTS = 4429;

/** Reasons in the close frame: the client may reconnect with a valid token. */
const REASONS: Readonly<Record<AccessEnd, string>> = { expired: 'Token expired', ended: 'Session ended' };

/**
 * The login behind a socket: the viewer of the latest token, from `connection_init` or a later `ping`. It closes the socket
 * (4403) when the token expires or the session ends, also while nothing runs on it.
 */
export class WebSocketSession {
  readonly #socket: WebSocket;
  readonly #follow: FollowViewer;
  readonly #onRenewal: (userId: string) => void;
  readonly #authenticate: Authenticate;
  readonly #isIdle: () => boolean;
  readonly #admit: (viewer: Viewer) => boolean;
  #authorization: string | null = null;
  #viewer: Viewer | null = null;
  #stopFollowing: (() => void) | undefined;
  /** Token checks run one after another, so that the token sent last wins, not the one whose check took longest. */
  #checks: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #endReason: string | null = null;

  constructor({ socket, follow, onRenewal, authenticate, isIdle, admit }: WebSocketSessionOptions) {
    this.#admit = admit;
    this.#socket = socket;
    this.#follow = follow;
    this.#onRenewal = onRenewal;
    this.#authenticate = authenticate;
    this.#isIdle = isIdle;
  }

  /** The token for the next operation; null means the credentials of the upgrade request. */
  get authorization(): string | null {
    return this.#authorization;
  }

  /** The viewer of the latest token; null before the first valid one. */
  get viewer(): Viewer | null {
    return this.#viewer;
  }

  /** Whether a token is being checked. */
  get isChecking(): boolean {
    return this.#waiting > 0;
  }

  /**
   * Checks the credentials that the socket was opened with. If they are refused, the socket is closed with 4403 and the reason,
   * so that a client learns it immediately. If they cannot be checked, each operation looks up the viewer anew.
   * @returns whether the socket stays open
   */
  async open(authorization: string | null): Promise<boolean> {
    this.#authorization = authorization;
    try {
      this.noteViewer(await this.#inTurn(() => this.#authenticate(authorization)));
    } catch (error) {
      return !this.#refuse(error);
    }
    return true;
  }

  /** Takes the viewer of an operation if none is known yet: the database may have been unavailable at the opening. */
  noteViewer(viewer: Viewer): void {
    if (this.#viewer === null) this.#become(viewer);
  }

  /**
   * Replaces the current token, also for operations that are running. The new token must belong to the same user; a socket
   * without credentials takes the token's user. With a token that is refused, the socket is closed with 4403 and the reason.
   * @returns the viewer of the token; null when the socket is closed
   * @throws the error that prevented checking it; the current token stays
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

  /** Call it when the last operation has ended: closes a socket whose session is over. */
  leaveIfOver(): void {
    if (this.#endReason !== null) this.#socket.close(CloseCode.Forbidden, this.#endReason);
  }

  /** Call it when the socket has been closed. */
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

  /** @returns false for an error that says nothing about the credentials */
  #refuse(error: unknown): boolean {
    if (!(error instanceof DomainError) || error.code === 'UNAVAILABLE') return false;
    this.#socket.close(CloseCode.Forbidden, error.message.slice(0, 100));
    return true;
  }

  #become(viewer: Viewer): void {
    if (!this.#isOpen || (this.#viewer === null && !this.#admit(viewer))) return;
    this.#viewer = viewer;
    this.#stopFollowing ??= this.#follow(
      () => this.#viewer ?? viewer,
      (why) => {
        this.#end(REASONS[why]);
      },
    );
    this.#onRenewal(viewer.userId);
  }

  /** Subscriptions are about to end with the error that says why. */
  #end(reason: string): void {
    this.#endReason = reason;
    const leave = () => {
      this.leaveIfOver();
    };
    if (this.#isIdle()) leave();
    else setTimeout(leave, ENDING_MS).unref();
  }
}
