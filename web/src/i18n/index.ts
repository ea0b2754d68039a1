import { createI18n } from 'vue-i18n'
import { language } from '@/api/state'

export const LANGUAGES = ['ru', 'en', 'uz'] as const
export type Language = (typeof LANGUAGES)[number]

/** Each language is named in itself. */
export const OWN_NAMES: Record<Language, string> = { ru: 'Русский', en: 'English', uz: 'Oʻzbekcha' }

const KEPT = 'vhm24r.language'

/** Russian has three forms (1 заказ, 2 заказа, 5 заказов); the others two, or one. */
function russian(choice: number, forms: number): number {
  if (forms < 3) return choice === 1 ? 0 : forms - 1
  const tens = choice % 100
  const ones = choice % 10
  if (ones === 1 && tens !== 11) return 0
  return ones >= 2 && ones <= 4 && (tens < 12 || tens > 14) ? 1 : 2
}

/** Texts of pages that few people open come with those pages. */
export type Area = 'access'
const areas = new Set<Area>()

const loaded = new Set<string>()
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

/** Each catalogue is merged once; a page asks for those of its area before it is shown. */
async function load(name: string, locale: string): Promise<void> {
  const found = catalogues[`./${name}.json`]
  if (!found || loaded.has(name)) return
  i18n.global.mergeLocaleMessage(locale, (await found()) as never)
  loaded.add(name)
}

export async function useArea(area: Area): Promise<void> {
  areas.add(area)
  await load(`${area}_${language.value}`, language.value)
}

export async function useLanguage(wanted: Language): Promise<void> {
  await Promise.all([load(wanted, wanted), ...Array.from(areas, (area) => load(`${area}_${wanted}`, wanted))])
  i18n.global.locale.value = wanted as never
  language.value = wanted
  document.documentElement.lang = wanted
  try {
    localStorage.setItem(KEPT, wanted)
  } catch {
    // Not remembered on this device; the account remembers it all the same.
  }
}
