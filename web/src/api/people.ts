import { answer, http } from './client'
import type { components } from './schema'
import type { Me, SignedIn, Ways } from './types'

export const getMe = (): Promise<Me> => answer(http.GET('/api/v1/auth/me'))

export const setLanguage = (language: string): Promise<Me> =>
  answer(http.PATCH('/api/v1/auth/me', { body: { language } }))

export const getWays = (): Promise<Ways> => answer(http.GET('/api/v1/auth/ways'))

/** The fields go as they came: all of them are signed. */
export const signInWithTelegram = (fields: Record<string, string>): Promise<SignedIn> =>
  answer(http.POST('/api/v1/auth/telegram', { body: fields as components['schemas']['TelegramIn'] }))

export const signInByMiniApp = (initData: string): Promise<SignedIn> =>
  answer(http.POST('/api/v1/auth/miniapp', { body: { init_data: initData } }))

export async function signOut(): Promise<void> {
  await answer(http.POST('/api/v1/auth/logout'))
}
