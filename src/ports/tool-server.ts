/** A tool that a server has, as the server describes it: nothing of it is to be trusted. */
export interface ServedTool {
  readonly name: string;
  readonly description: string | undefined;
  /** JSON Schema of the arguments, an object. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface ServedCall {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** For whom: the service's own knowledge, which nothing in the call can change. */
  readonly userId: string;
}

export interface ServedResult {
  readonly text: string;
  /** Whether the tool says that it failed; the text says how. */
  readonly isError: boolean;
}

/** A server of the operator's, with tools that models may call. */
export interface ToolServer {
  /** @throws ToolServerFailed */
  list(signal: AbortSignal): Promise<readonly ServedTool[]>;
  /** @throws ToolServerFailed, also when the signal aborts */
  call(call: ServedCall, signal: AbortSignal): Promise<ServedResult>;
}

/** A server did not answer, or not as it should. The cause is for the log: it may quote the server. */
export class ToolServerFailed extends Error {
  constructor(
    readonly reason: 'FAILED' | 'TIMED_OUT' | 'TOO_LARGE',
    cause?: unknown,
  ) {
    super(`A tool server failed: ${reason}`, { cause });
    this.name = 'ToolServerFailed';
  }
}
