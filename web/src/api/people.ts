import { answer, http } from './client'
import type { Me } from './types'

export const getMe = (): Promise<Me> => answer(http.GET('/api/v1/auth/me'))

export const setLanguage = (language: string): Promise<Me> =>
  answer(http.PATCH('/api/v1/auth/me', { body: { language } }))

export async function signOut(): Promise<void> {
  await answer(http.POST('/api/v1/auth/logout'))
}
