/** What a browser calls itself, most telling name first: most of them also claim to be Chrome or Safari. */
const BROWSERS: [RegExp, string][] = [
  [/Telegram/, 'Telegram'],
  [/(?:Edg|EdgA|EdgiOS)\/(\d+)/, 'Edge'],
  [/(?:OPR|OPT)\/(\d+)/, 'Opera'],
  [/YaBrowser\/(\d+)/, 'Yandex Browser'],
  [/SamsungBrowser\/(\d+)/, 'Samsung Internet'],
  [/(?:Firefox|FxiOS)\/(\d+)/, 'Firefox'],
  [/(?:Chrome|CriOS)\/(\d+)/, 'Chrome'],
  [/Version\/(\d+)[\d.]* .*Safari\//, 'Safari'],
]

const SYSTEMS: [RegExp, string][] = [
  [/iPad/, 'iPadOS'],
  [/iPhone|iPod/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/CrOS/, 'ChromeOS'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
]

export interface Agent {
  /** "Chrome 141 · Windows"; empty when it says nothing we know. */
  name: string
  handheld: boolean
}

/** A device in words. */
export function readAgent(text: string | null): Agent {
  const agent = text ?? ''
  let browser = ''
  for (const [pattern, name] of BROWSERS) {
    const match = pattern.exec(agent)
    if (!match) continue
    browser = match[1] ? `${name} ${match[1]}` : name
    break
  }
  const system = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1] ?? ''
  return { name: [browser, system].filter(Boolean).join(' · '), handheld: ['iOS', 'iPadOS', 'Android'].includes(system) }
}
