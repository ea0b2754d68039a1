import { describe, expect, it } from 'vitest'
import { formatMoney, formatNumber, formatOffset, formatShare, formatSize, formatTime } from './format'

/** Groups are separated by several kinds of space; which one is the locale's business. */
const plain = (text: string): string => text.replaceAll(/\s/gu, ' ')

describe('money', () => {
  it('groups thousands and names the currency', () => {
    expect(plain(formatMoney({ amount: '15000.00', currency: 'UZS' }, 'ru'))).toBe('15 000 UZS')
    expect(plain(formatMoney({ amount: '15000.00', currency: 'UZS' }, 'uz'))).toBe('15 000 UZS')
    expect(plain(formatMoney({ amount: '15000.00', currency: 'UZS' }, 'en'))).toBe('15,000 UZS')
  })

  it('never breaks the line inside an amount', () => {
    expect(formatMoney({ amount: '15000.00', currency: 'UZS' }, 'ru')).not.toContain(' ')
  })

  it('keeps a fraction that says something', () => {
    expect(plain(formatMoney({ amount: '15000.50', currency: 'UZS' }, 'ru'))).toBe('15 000,50 UZS')
    expect(plain(formatMoney({ amount: '1.000001', currency: 'USDT' }, 'en'))).toBe('1.000001 USDT')
  })

  it('writes dollars with their sign and cents', () => {
    expect(formatMoney({ amount: '9.40', currency: 'USD' }, 'en')).toBe('$9.40')
    expect(formatMoney({ amount: '9', currency: 'USD' }, 'en')).toBe('$9.00')
    expect(plain(formatMoney({ amount: '9.40', currency: 'USD' }, 'ru'))).toBe('9,40 $')
  })

  it('signs an effect, but not nothing', () => {
    expect(plain(formatMoney({ amount: '6180000.00', currency: 'UZS' }, 'ru', true))).toBe('+6 180 000 UZS')
    expect(plain(formatMoney({ amount: '-12000.00', currency: 'UZS' }, 'ru', true))).toBe('−12 000 UZS')
    expect(plain(formatMoney({ amount: '0.00', currency: 'UZS' }, 'ru', true))).toBe('0 UZS')
  })

  it('is exact beyond what a float can hold', () => {
    expect(formatMoney({ amount: '9007199254740993.07', currency: 'UZS' }, 'en')).toContain('9,007,199,254,740,993.07')
  })
})

describe('time', () => {
  it('is written in the business zone', () => {
    expect(formatTime('2026-11-24T20:04:09Z', 'ru', 'Asia/Tashkent')).toBe('25.11.2026, 01:04')
    expect(formatTime('2026-11-24T20:04:09Z', 'uz', 'Asia/Tashkent')).toBe('25.11.2026, 01:04')
    expect(formatTime('2026-11-24T20:04:09Z', 'en', 'Asia/Tashkent')).toBe('25 Nov 2026, 01:04')
    expect(formatTime('2026-11-24T20:04:09Z', 'ru', 'Asia/Tashkent', true)).toBe('25.11.2026, 01:04:09')
  })

  it('calls midnight 00, not 24', () => {
    expect(formatTime('2026-11-24T19:00:00Z', 'en', 'Asia/Tashkent')).toBe('25 Nov 2026, 00:00')
  })

  it('tells its offset', () => {
    expect(formatOffset('2026-11-24T20:04:09Z', 'Asia/Tashkent')).toBe('UTC+05:00 · Asia/Tashkent')
    expect(formatOffset('2026-11-24T20:04:09Z', 'UTC')).toBe('UTC+00:00 · UTC')
  })
})

describe('numbers', () => {
  it('are grouped by locale', () => {
    expect(plain(formatNumber(12431, 'ru'))).toBe('12 431')
    expect(formatNumber(12431, 'en')).toBe('12,431')
  })

  it('become shares', () => {
    expect(plain(formatShare(0.982, 'ru'))).toBe('98 %')
    expect(formatShare(0.982, 'en')).toBe('98%')
  })

  it('become sizes', () => {
    expect(formatSize(0, 'en')).toBe('0 byte')
    expect(formatSize(123_456, 'en')).toBe('123 kB')
    expect(plain(formatSize(2_345_678, 'ru'))).toBe('2,3 МБ')
  })
})
