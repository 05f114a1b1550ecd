import { APIConnectionError, APIError, OpenAI } from 'openai';

const TIMEOUT_MS = 10_000;

interface ModelPlace {
  readonly apiKey: string | undefined;
  readonly baseUrl: string | undefined;
  /** By which the provider knows it. */
  readonly model: string;
}

/**
 * Asks a provider for the list of its models, which costs nothing.
 * @returns what was found, for people
 * @throws Error with what is wrong, without the provider's text
 */
export async function verifyModel({ apiKey = 'none', baseUrl, model }: ModelPlace): Promise<string> {
  const client = new OpenAI({ apiKey, baseURL: baseUrl, maxRetries: 0, timeout: TIMEOUT_MS });
  try {
    const { data } = await client.models.list();
    if (data.some(({ id }) => id === model)) return `${model} at ${client.baseURL}`;
  } catch (error) {
    if (error instanceof APIConnectionError) throw new Error(`${client.baseURL} cannot be reached`, { cause: error });
    if (!(error instanceof APIError)) throw error;
    const status = error.status as number | undefined;
    if (status === 401 || status === 403) throw new Error(`${client.baseURL} refuses the API key`, { cause: error });
    // Some servers list no models.
    if (status === 404 || status === 405) return `${client.baseURL} answers; whether it has ${model} is not known`;
    throw new Error(`${client.baseURL} answers with status ${String(status)}`, { cause: error });
  }
  throw new Error(`${client.baseURL} does not list the model ${model}`);
}
