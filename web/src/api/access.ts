import { answer, http } from './client'
import type { components, paths } from './schema'
import type { ApiKey, AuditEntry, Device, Page, Person, Role } from './types'

type Schemas = components['schemas']
export type PeopleQuery = NonNullable<paths['/api/v1/users']['get']['parameters']['query']>
export type AuditQuery = NonNullable<paths['/api/v1/audit']['get']['parameters']['query']>
export type MadeKey = Schemas['ApiKeyMadeOut']
export type SignInLink = Schemas['LinkOut']

const of = (person_id: number) => ({ params: { path: { person_id } } })

export const listPeople = (query: PeopleQuery): Promise<Page<Person>> => answer(http.GET('/api/v1/users', { params: { query } }))

export const getPerson = (id: number): Promise<Person> => answer(http.GET('/api/v1/users/{person_id}', of(id)))

export const addPerson = (body: Schemas['PersonIn']): Promise<Person> => answer(http.POST('/api/v1/users', { body }))

export const approve = (id: number, role: Role): Promise<Person> =>
  answer(http.POST('/api/v1/users/{person_id}/approve', { ...of(id), body: { role } }))

export const reject = (id: number, reason: string | null): Promise<Person> =>
  answer(http.POST('/api/v1/users/{person_id}/reject', { ...of(id), body: { reason } }))

export const block = (id: number, reason: string | null): Promise<Person> =>
  answer(http.POST('/api/v1/users/{person_id}/block', { ...of(id), body: { reason } }))

export const unblock = (id: number): Promise<Person> => answer(http.POST('/api/v1/users/{person_id}/unblock', of(id)))

export const changeRole = (id: number, role: Role): Promise<Person> =>
  answer(http.POST('/api/v1/users/{person_id}/role', { ...of(id), body: { role } }))

export const grant = (id: number, body: Schemas['GrantIn']): Promise<Person> =>
  answer(http.POST('/api/v1/users/{person_id}/grants', { ...of(id), body }))

export const makeLink = (id: number): Promise<SignInLink> => answer(http.POST('/api/v1/users/{person_id}/link', of(id)))

export const eraseUser = (id: number): Promise<Person> => answer(http.POST('/api/v1/users/{person_id}/erase', of(id)))

export const exportOf = (id: number): string => `/api/v1/users/${id}/export`

export const listDevicesOf = async (id: number): Promise<Device[]> =>
  (await answer(http.GET('/api/v1/users/{person_id}/sessions', of(id)))).items

export async function signOutEverywhere(id: number): Promise<void> {
  await answer(http.DELETE('/api/v1/users/{person_id}/sessions', of(id)))
}

export const listOwnDevices = async (): Promise<Device[]> => (await answer(http.GET('/api/v1/auth/sessions'))).items

export async function signOutDevice(session_id: number): Promise<void> {
  await answer(http.DELETE('/api/v1/auth/sessions/{session_id}', { params: { path: { session_id } } }))
}

export async function signOutOthers(): Promise<void> {
  await answer(http.DELETE('/api/v1/auth/sessions'))
}

export const listKeys = async (): Promise<ApiKey[]> => (await answer(http.GET('/api/v1/api-keys'))).items

export const makeKey = (body: Schemas['ApiKeyIn']): Promise<MadeKey> => answer(http.POST('/api/v1/api-keys', { body }))

export async function revokeKey(key_id: number): Promise<void> {
  await answer(http.DELETE('/api/v1/api-keys/{key_id}', { params: { path: { key_id } } }))
}

export const listAudit = (query: AuditQuery): Promise<Page<AuditEntry>> =>
  answer(http.GET('/api/v1/audit', { params: { query } }))
