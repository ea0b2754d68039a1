import { createI18n } from 'vue-i18n'
import { language } from '@/api/state'

export const LANGUAGES = ['ru', 'en', 'uz'] as const
export type Language = (typeof LANGUAGES)[number]

const KEPT = 'vhm24r.language'

/** Russian has three forms (1 заказ, 2 заказа, 5 заказов); the others two, or one. */
function russian(choice: number, forms: number): number {
  if (forms < 3) return choice === 1 ? 0 : forms - 1
  const tens = choice % 100
  const ones = choice % 10
  if (ones === 1 && tens !== 11) return 0
  return ones >= 2 && ones <= 4 && (tens < 12 || tens > 14) ? 1 : 2
}

const catalogues = import.meta.glob<Record<string, unknown>>('./*.json', { import: 'default' })

export const i18n = createI18n({
  legacy: false,
  locale: 'en',
  messages: {},
  pluralRules: { ru: russian },
  missingWarn: false,
  fallbackWarn: false,
})

export function toLanguage(wanted: string | null | undefined): Language | null {
  const short = (wanted ?? '').slice(0, 2).toLowerCase()
  return LANGUAGES.find((known) => known === short) ?? null
}

/** What to show before the person is known: the last choice on this device, else the browser's. */
export function firstLanguage(): Language {
  let kept: string | null = null
  try {
    kept = localStorage.getItem(KEPT)
  } catch {
    // Storage may be forbidden; the browser's languages decide then.
  }
  const found = [kept, ...navigator.languages].map(toLanguage).find((known) => known !== null)
  return found ?? 'en'
}

export async function useLanguage(wanted: Language): Promise<void> {
  const load = catalogues[`./${wanted}.json`]
  if (load && !i18n.global.availableLocales.includes(wanted as never)) {
    i18n.global.setLocaleMessage(wanted, (await load()) as never)
  }
  i18n.global.locale.value = wanted as never
  language.value = wanted
  document.documentElement.lang = wanted
  try {
    localStorage.setItem(KEPT, wanted)
  } catch {
    // Not remembered on this device; the account remembers it all the same.
  }
}
