import { readonly, ref, watch } from 'vue'
import { getMe, setLanguage as keepLanguage, signOut as endSession } from '@/api/people'
import { ProblemError } from '@/api/problem'
import { unauthenticated } from '@/api/state'
import type { Me } from '@/api/types'
import { type Language, toLanguage, useLanguage } from '@/i18n'

type State = 'loading' | 'in' | 'out' | 'expired' | 'failed'

const me = ref<Me | null>(null)
const state = ref<State>('loading')
const failure = ref<unknown>(null)

/** A 401 after the start means the session ended while the page was open. */
watch(unauthenticated, () => {
  if (state.value === 'in') state.value = 'expired'
})

async function start(): Promise<void> {
  if (state.value !== 'expired') state.value = 'loading'
  try {
    me.value = await getMe()
    const language = toLanguage(me.value.language)
    if (language) await useLanguage(language)
    state.value = 'in'
  } catch (error) {
    if (error instanceof ProblemError && error.status === 401) {
      if (state.value !== 'expired') state.value = 'out'
      return
    }
    failure.value = error
    state.value = 'failed'
  }
}

async function signOut(): Promise<void> {
  state.value = 'out'
  me.value = null
  await endSession()
}

async function setLanguage(language: Language): Promise<void> {
  await useLanguage(language)
  if (state.value === 'in') me.value = await keepLanguage(language)
}

const can = (permission: string): boolean => me.value?.permissions.includes(permission) ?? false

/** Who is signed in, if anybody. One session for the whole page. */
export function useSession() {
  return { me: readonly(me), state: readonly(state), failure: readonly(failure), start, signOut, setLanguage, can }
}
