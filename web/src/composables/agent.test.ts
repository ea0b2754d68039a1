import { expect, it } from 'vitest'
import { readAgent } from './agent'

const CHROME = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0'

it.each([
  [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME} Safari/537.36`, 'Chrome 141 · Windows', false],
  [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME} Safari/537.36 Edg/141.0.0.0`, 'Edge 141 · Windows', false],
  [`Mozilla/5.0 (X11; Linux x86_64) ${CHROME} YaBrowser/25.8.0.0 Safari/537.36`, 'Yandex Browser 25 · Linux', false],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0', 'Firefox 143 · Linux', false],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15',
    'Safari 26 · macOS',
    false,
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0 Mobile/15E148 Safari/604.1',
    'Chrome 141 · iOS',
    true,
  ],
  [`Mozilla/5.0 (Linux; Android 15; SM-S921B) ${CHROME} Mobile Safari/537.36 Telegram-Android/12.1.1`, 'Telegram · Android', true],
  ['curl/8.5.0', '', false],
  [null, '', false],
])('%s', (agent, name, handheld) => {
  expect(readAgent(agent)).toEqual({ name, handheld })
})
