/** What orval's functions call: it knows where the service is, and who calls. */
export const service = { baseUrl: '', token: '' };

export async function call<Result>(path: string, options: RequestInit): Promise<Result> {
  const headers = new Headers(options.headers);
  if (service.token !== '') headers.set('authorization', `Bearer ${service.token}`);
  const response = await fetch(`${service.baseUrl}${path}`, { ...options, headers });
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const data: unknown = isStream ? response.body : await response.json();
  return { status: response.status, data, headers: response.headers } as Result;
}
