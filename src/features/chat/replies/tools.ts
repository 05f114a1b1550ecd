import type { ModelMessage, ModelResponseFormat, ModelTool, ModelToolCall } from '../../../ports/language-model.js';
import { newId } from '../../../kernel/ids.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { ImageReference } from '../messages/message.js';
import {
  roundsOf,
  toolCallsIn,
  type ContentEvent,
  type ToolCall,
  type ToolResult,
  type Transcript,
} from '../messages/reply-transcript.js';

/** Maximum tools of a question, and bytes of all of them as JSON. */
export const MAX_TOOLS = 64;
export const MAX_TOOLS_BYTES = 65_536;
export const MAX_TOOL_DESCRIPTION_LENGTH = 4_096;
/** As providers have it. */
export const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;
/** Stands between the name of a server and that of its tool. */
export const RESERVED_TOOL_NAME = '__';
/** Maximum calls of one answer of the model. */
export const MAX_CALLS = 32;
/** Maximum characters of the result of one call; what a server of the operator's answers beyond that is cut. */
export const MAX_RESULT_LENGTH = 65_536;
const MAX_CALL_ID_LENGTH = 64;
/** The server of a call whose tool was not offered: the service answers it with an error. */
export const UNKNOWN_SERVER = '';

/** What a question asks for beside its text. It is stored with the question, which may be asked again. */
export interface AnswerOptions {
  /** Images that the model is shown with the question. */
  readonly images: readonly ImageReference[];
  readonly tools: readonly ModelTool[];
  readonly responseFormat: ModelResponseFormat | null;
}

export const NO_OPTIONS: AnswerOptions = { images: [], tools: [], responseFormat: null };

/** As requests have it: null and undefined for nothing. */
export interface AskedFor {
  /** Ids of uploads. */
  readonly images?: readonly string[] | null | undefined;
  readonly tools?: readonly ToolRequest[] | null | undefined;
  readonly responseFormat?: FormatRequest | null | undefined;
}

interface ToolRequest {
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly parameters?: Readonly<Record<string, unknown>> | null | undefined;
}

interface FormatRequest {
  readonly type: string;
  readonly name?: string | null | undefined;
  readonly schema?: Readonly<Record<string, unknown>> | null | undefined;
  readonly strict?: boolean | null | undefined;
}

export function optionsOf({ tools, responseFormat }: AskedFor, images: readonly ImageReference[]): AnswerOptions {
  return {
    images,
    tools: (tools ?? []).map(({ name, description, parameters }) => ({
      name,
      ...(description != null && { description }),
      ...(parameters != null && { parameters }),
    })),
    responseFormat: responseFormat == null ? null : formatOf(responseFormat),
  };
}

function formatOf({ type, name, schema, strict }: FormatRequest): ModelResponseFormat {
  if (type === 'json_schema') return { type, name: name ?? 'answer', schema: schema ?? {}, strict: strict ?? true };
  return { type: type === 'json_object' ? type : 'text' };
}

/** The client's answer to a call: one of the two is given. */
export interface SubmittedResult {
  readonly callId: string;
  readonly output?: string | null | undefined;
  readonly error?: string | null | undefined;
}

/** Tools that the service calls itself. */
export interface OwnTools {
  readonly tools: readonly ModelTool[];
  /** The server that a tool is on; null where it is none of these. */
  serverOf(name: string): string | null;
  /** Calls a tool. Whatever goes wrong is the result's error; what it answers after the signal aborted is nobody's. */
  call(call: ToolCall, signal: AbortSignal): Promise<ToolResult>;
}

/** The reply that calls tools. */
export interface ReplyPlace {
  readonly conversationId: string;
  readonly messageId: string;
}

/** The tools that the service calls for a user; null for none. */
export type FindOwnTools = (viewer: Viewer, place: ReplyPlace) => Promise<OwnTools | null>;

/** The calls that wait for a result. */
export function openCalls(transcript: Pick<Transcript, 'parts'>): readonly ToolCall[] {
  return toolCallsIn(transcript).flatMap(({ call, result }) => (result === null ? [call] : []));
}

/** A call as it is stored and told: with an id that no other call of the reply has. */
export function callOf(
  { id, name, arguments: json }: ModelToolCall,
  used: readonly string[],
  server: string | null,
): ToolCall {
  const isUsable = id !== '' && id.length <= MAX_CALL_ID_LENGTH && !used.includes(id);
  return {
    type: 'tool-call',
    id: isUsable ? storable(id) : `call_${newId()}`,
    name: storable(name),
    arguments: storable(json),
    server,
  };
}

export function resultOf(callId: string, { output = null, error = null }: Omit<SubmittedResult, 'callId'>): ToolResult {
  return { type: 'tool-result', callId, output: output && storable(output), error: error && storable(error) };
}

/** Without what PostgreSQL cannot store in JSON: NUL, and halves of characters. */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

/** What the rounds of a reply add to the prompt of the next one. */
export function messagesOf(transcript: Transcript): readonly ModelMessage[] {
  return roundsOf(transcript).flatMap(roundMessages);
}

function roundMessages(events: readonly ContentEvent[]): readonly ModelMessage[] {
  const toolCalls = events.filter((event) => event.type === 'tool-call');
  if (toolCalls.length === 0) return [];
  const content = events.map((event) => (event.type === 'delta' ? event.text : '')).join('');
  const calls = toolCalls.map(({ id, name, arguments: json }) => ({ id, name, arguments: json }));
  const results = events.flatMap((event): ModelMessage[] =>
    event.type === 'tool-result' ? [{ role: 'tool', content: contentOf(event), toolCallId: event.callId }] : [],
  );
  return [{ role: 'assistant', content, toolCalls: calls }, ...results];
}

/** The model is told of an error as such, whatever its words. */
function contentOf({ output, error }: ToolResult): string {
  return error === null ? (output ?? '') : JSON.stringify({ error });
}
