import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import type { Money } from '@/api/types'
import { useSession } from './session'

/** Formats per language; Uzbek shares the Russian order of day, month and year, which every browser knows. */
const TAGS: Record<string, string[]> = { en: ['en-GB'], ru: ['ru-RU'], uz: ['uz-Latn-UZ', 'ru-RU'] }
const GROUPED: Record<string, string[]> = { en: ['en-GB'], ru: ['ru-RU'], uz: ['ru-RU'] }

const NBSP = '\u00a0'

function tags(language: string, table = TAGS): string[] {
  return table[language] ?? ['en-GB']
}

/**
 * An amount as people write it: `15 000 UZS`, `$9.40`. The decimal string is formatted as it is,
 * never through a floating-point number. Whole amounts lose an empty fraction, except in dollars.
 */
export function formatMoney(money: Money, language: string, signed = false): string {
  const fraction = money.amount.split('.')[1] ?? ''
  const dollars = money.currency === 'USD'
  const digits = dollars ? Math.max(2, fraction.length) : /^0*$/.test(fraction) ? 0 : fraction.length
  const options: Intl.NumberFormatOptions = {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    signDisplay: signed ? 'exceptZero' : 'auto',
    ...(dollars ? { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol' } : {}),
  }
  const amount = money.amount as Intl.StringNumericLiteral
  const text = new Intl.NumberFormat(tags(language, GROUPED), options).format(amount).replace('-', '−')
  return dollars ? text : `${text}${NBSP}${money.currency}`
}

export function formatNumber(value: number, language: string): string {
  return new Intl.NumberFormat(tags(language, GROUPED)).format(value)
}

export function formatShare(share: number, language: string): string {
  return new Intl.NumberFormat(tags(language, GROUPED), { style: 'percent', maximumFractionDigits: 0 }).format(share)
}

/** `24.11.2026 15:04` (`24 Nov 2026, 15:04` in English) in the business zone. */
export function formatTime(instant: string, language: string, zone: string, seconds = false): string {
  const options: Intl.DateTimeFormatOptions = {
    timeZone: zone,
    day: '2-digit',
    month: language === 'en' ? 'short' : '2-digit',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    ...(seconds ? { second: '2-digit' } : {}),
  }
  const locale = language === 'uz' ? GROUPED.uz : tags(language)
  return new Intl.DateTimeFormat(locale, options).format(new Date(instant))
}

/** What a pointer over a time shows: the offset and the name of the zone it is written in. */
export function formatOffset(instant: string, zone: string): string {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeZoneName: 'longOffset' }).formatToParts(
    new Date(instant),
  )
  const offset = parts.find((part) => part.type === 'timeZoneName')?.value.replace('GMT', '') ?? ''
  return `UTC${offset || '+00:00'} · ${zone}`
}

const STEPS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const

export function formatSize(bytes: number, language: string): string {
  const power = bytes < 1 ? 0 : Math.min(STEPS.length - 1, Math.floor(Math.log10(bytes) / 3))
  return new Intl.NumberFormat(tags(language), {
    style: 'unit',
    unit: STEPS[power] ?? 'byte',
    unitDisplay: 'short',
    maximumFractionDigits: power > 1 ? 1 : 0,
  }).format(bytes / 1000 ** power)
}

/** The formats in the person's language and the business zone. */
export function useFormat() {
  const { locale } = useI18n()
  const { me } = useSession()
  const zone = computed(() => me.value?.timezone ?? 'Asia/Tashkent')
  return {
    money: (money: Money, signed = false) => formatMoney(money, locale.value, signed),
    number: (value: number) => formatNumber(value, locale.value),
    share: (value: number) => formatShare(value, locale.value),
    time: (instant: string, seconds = false) => formatTime(instant, locale.value, zone.value, seconds),
    offset: (instant: string) => formatOffset(instant, zone.value),
    size: (bytes: number) => formatSize(bytes, locale.value),
  }
}
