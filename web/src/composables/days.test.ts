import { expect, it } from 'vitest'
import { dayBefore, endOfDay, formatDay } from './days'

const lateEvening = new Date('2026-02-28T20:30:00Z')

it('counts days in the business zone, across the end of a month', () => {
  expect(dayBefore(0, 'Asia/Tashkent', lateEvening)).toBe('2026-03-01')
  expect(dayBefore(1, 'Asia/Tashkent', lateEvening)).toBe('2026-02-28')
  expect(dayBefore(0, 'UTC', lateEvening)).toBe('2026-02-28')
})

it('writes a day as the language does, and leaves nonsense alone', () => {
  expect(formatDay('2026-03-01', 'ru')).toBe('01.03.2026')
  expect(formatDay('2026-03-01', 'en')).toBe('01 Mar 2026')
  expect(formatDay('soon', 'ru')).toBe('soon')
})

it('knows when a day ends in the business zone', () => {
  expect(new Date(endOfDay('2026-03-01', 'Asia/Tashkent')).toISOString()).toBe('2026-03-01T18:59:59.000Z')
  expect(new Date(endOfDay('2026-03-01', 'UTC')).toISOString()).toBe('2026-03-01T23:59:59.000Z')
})
