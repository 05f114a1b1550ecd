import type { OpenAI } from 'openai';
import type {
  ModelImage,
  ModelMessage,
  ModelRequest,
  ModelResponseFormat,
  ModelTool,
} from '../../ports/language-model.js';

type Body = OpenAI.ChatCompletionCreateParamsStreaming;
export type RequestBody = Pick<Body, 'messages' | 'tools' | 'tool_choice' | 'response_format'>;

/** What a request says in the words of the API, the model and its limits aside. */
export async function requestBody({
  messages,
  tools = [],
  mustAnswer = false,
  responseFormat,
}: ModelRequest): Promise<RequestBody> {
  return {
    messages: await Promise.all(messages.map(messageParam)),
    // Not in every dialect: left out where there is nothing to say.
    ...(tools.length > 0 && { tools: tools.map(toolParam) }),
    ...(tools.length > 0 && mustAnswer && { tool_choice: 'none' }),
    ...(responseFormat !== undefined &&
      responseFormat.type !== 'text' && { response_format: formatParam(responseFormat) }),
  };
}

async function messageParam(message: ModelMessage): Promise<OpenAI.ChatCompletionMessageParam> {
  const { role, content, images, toolCalls, toolCallId } = message;
  if (role === 'user' && images !== undefined) return { role, content: await partsOf(content, images) };
  if (role === 'tool') return { role, content, tool_call_id: toolCallId ?? '' };
  if (role !== 'assistant' || toolCalls === undefined) return { role, content };
  const calls = toolCalls.map(({ id, name, arguments: json }) => ({
    id,
    type: 'function' as const,
    function: { name, arguments: json },
  }));
  return { role, content: content === '' ? null : content, tool_calls: calls };
}

async function partsOf(text: string, images: readonly ModelImage[]): Promise<OpenAI.ChatCompletionContentPart[]> {
  const shown = await Promise.all(images.map(imageParam));
  return [{ type: 'text', text }, ...shown.filter((part) => part !== null)];
}

/** With its bytes: the provider may not reach the address of the file. */
async function imageParam(image: ModelImage): Promise<OpenAI.ChatCompletionContentPartImage | null> {
  const bytes = await image.read();
  if (bytes === null) return null;
  const url = `data:${image.contentType};base64,${Buffer.from(bytes).toString('base64')}`;
  return { type: 'image_url', image_url: { url } };
}

function toolParam({ name, description, parameters }: ModelTool): OpenAI.ChatCompletionTool {
  return {
    type: 'function',
    function: {
      name,
      ...(description !== undefined && { description }),
      ...(parameters !== undefined && { parameters }),
    },
  };
}

function formatParam(format: ModelResponseFormat): NonNullable<Body['response_format']> {
  if (format.type !== 'json_schema') return { type: format.type };
  const { name, schema, strict } = format;
  return { type: 'json_schema', json_schema: { name, schema, strict } };
}
