// What the server answers, typed by its own description (`npm run types`).

import { useQuery, type UseQueryResult } from '@tanstack/react-query'
import type { components, paths } from './api.d'

export type Schema<K extends keyof components['schemas']> = components['schemas'][K]
export type Entity = Schema<'EntityRef'>
export type Path = Schema<'Path'>
export type Hop = Schema<'Hop'>
export type Statement = Schema<'StatementRef'>
export type Condition = Schema<'ConditionText'>
export type Gap = Schema<'Gap'>
export type Summary = Schema<'Summary'>
export type Finding = Schema<'Whole'>
export type Fix = Schema<'Fix'>
export type Meta = Schema<'Meta'>
export type Difference = Schema<'Difference'>
export type Sensitivity = Schema<'Sensitivity'>
export type Severity = Schema<'Severity'>
/** A change that is being thought about. */
export type Draft = paths['/api/v1/what-if']['post']['requestBody']['content']['application/json']

type Json<O> = O extends { responses: { 200: { content: { 'application/json': infer A } } } } ? A : never
type Short<P> = P extends `/api/v1${infer S}` ? S : never
type Full<S extends string> = `/api/v1${S}` & keyof paths
export type GetPath = Short<{ [P in keyof paths]: paths[P] extends { get: object } ? P : never }[keyof paths]>
export type Answer<S extends GetPath> = paths[Full<S>] extends { get: infer O } ? Json<O> : never
export type Query<S extends GetPath> = paths[Full<S>] extends { get: { parameters: { query?: infer Q } } } ? ([NonNullable<Q>] extends [never] ? object : NonNullable<Q>) : object

/** An error as the server tells it. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly kind: string,
    readonly near: string[] = [],
  ) {
    super(title)
  }
}

async function answer(response: Response): Promise<unknown> {
  if (response.ok) return response.status === 204 ? null : response.json()
  let told: Partial<{ title: string; detail: string; type: string; near: string[] }> = {}
  try {
    told = await response.json()
  } catch {
    // A proxy's page says nothing that we could show.
  }
  const title = told.title ?? `The server answered ${response.status}`
  throw new Problem(response.status, title, told.detail ?? '', told.type ?? '', told.near ?? [])
}

async function send(url: string, init?: RequestInit): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(url, { credentials: 'same-origin', ...init })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Problem(0, 'The server does not answer', 'Is `sv0 serve` still running?', 'offline')
  }
  return answer(response)
}

export function url(path: string, query: Record<string, unknown>): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') search.set(key, String(value))
  }
  const text = search.toString()
  return `/api/v1${path}${text && `?${text}`}`
}

export function get<S extends GetPath>(path: S, query: Query<S>, signal?: AbortSignal): Promise<Answer<S>> {
  return send(url(path, query as Record<string, unknown>), { signal }) as Promise<Answer<S>>
}

/** An answer; what is still being worked out is asked for again. */
export function useGet<S extends GetPath>(
  path: S,
  query: Query<S>,
  options: { enabled?: boolean; keep?: boolean } = {},
): UseQueryResult<Answer<S>, Problem> {
  return useQuery<Answer<S>, Problem>({
    queryKey: [path, query],
    queryFn: ({ signal }) => get(path, query, signal),
    enabled: options.enabled ?? true,
    staleTime: Infinity,
    retry: (times, problem) => problem.status === 503 && times < 600,
    retryDelay: 2000,
    placeholderData: options.keep ? (before) => before : undefined,
  })
}

/** A finding with its fixes. */
export function getFinding(id: string): Promise<Finding> {
  return send(`/api/v1/findings/${encodeURIComponent(id)}`) as Promise<Finding>
}

export function change<A>(method: 'POST' | 'DELETE', path: string, csrf: string, body?: unknown): Promise<A> {
  return send(`/api/v1${path}`, {
    method,
    headers: { 'content-type': 'application/json', 'x-sv0-csrf': csrf },
    body: body === undefined ? undefined : JSON.stringify(body),
  }) as Promise<A>
}
