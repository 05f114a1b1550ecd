import type { RestView } from './rest-view.js';
export interface OpenApiDocument {
  readonly openapi: string;
}
export function openApiDocument(_view: RestView, _version: string): OpenApiDocument {
  return { openapi: '3.1.0' };
}
