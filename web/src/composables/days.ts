/** A calendar day of the business zone as the API spells it (2026-11-24), some days before today. */
export function dayBefore(days: number, zone: string, now = new Date()): string {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' })
  const [year, month, day] = parts.format(now).split('-').map(Number)
  const shifted = new Date(Date.UTC(year ?? 1970, (month ?? 1) - 1, (day ?? 1) - days))
  return shifted.toISOString().slice(0, 10)
}

/** 2026-11-24 as people of the language write it. */
export function formatDay(day: string, language: string): string {
  const date = new Date(`${day}T00:00:00Z`)
  if (Number.isNaN(date.getTime())) return day
  const english = language === 'en'
  return new Intl.DateTimeFormat(english ? 'en-GB' : 'ru-RU', {
    timeZone: 'UTC',
    day: '2-digit',
    month: english ? 'short' : '2-digit',
    year: 'numeric',
  }).format(date)
}

/** The last second of a day in the business zone. */
export function endOfDay(day: string, zone: string): string {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeZoneName: 'longOffset' })
  const parts = format.formatToParts(new Date(`${day}T12:00:00Z`))
  const offset = parts.find((part) => part.type === 'timeZoneName')?.value.replace('GMT', '')
  return `${day}T23:59:59${offset || 'Z'}`
}
