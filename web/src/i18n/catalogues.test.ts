import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

type Tree = { [key: string]: string | Tree }

const SRC = join(import.meta.dirname, '..')
/** All catalogues of a language: the one everybody loads, then those of areas. */
const read = (language: string): Map<string, string> => {
  const found = new Map<string, string>()
  for (const name of [language, `access_${language}`]) {
    flatten(JSON.parse(readFileSync(join(SRC, 'i18n', `${name}.json`), 'utf8')) as Tree, '', found)
  }
  return found
}

function flatten(tree: Tree, prefix = '', found = new Map<string, string>()): Map<string, string> {
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') found.set(prefix + key, value)
    else flatten(value, `${prefix}${key}.`, found)
  }
  return found
}

const places = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g))].toSorted()
const catalogues = { ru: read('ru'), en: read('en'), uz: read('uz') }

const code = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(vue|ts)$/.test(file) && !/\.(test|d)\.ts$/.test(file))
  .map((file) => readFileSync(join(SRC, file), 'utf8'))
  .join('\n')

/** Keys written out: t('orders.title'). */
const written = [...code.matchAll(/\bte?\(\s*'([\w.]+)'/g)].map((match) => match[1] ?? '')
/** Keys put together: t(`column.${name}`), key = `signin.error.${code}` and name('status', code). */
const families = new Set(
  [...code.matchAll(/(?:\bte?\(|\bkey = )`([\w.]+)\.\$\{/g), ...code.matchAll(/\bname\('(\w+)',/g)].map((match) => match[1] ?? ''),
)

describe('catalogues', () => {
  it.each(['en', 'uz'] as const)('%s has the keys of ru', (language) => {
    expect([...catalogues[language].keys()]).toEqual([...catalogues.ru.keys()])
  })

  it.each(['en', 'uz'] as const)('%s fills the same places as ru', (language) => {
    for (const [key, text] of catalogues.ru) {
      expect([key, places(catalogues[language].get(key) ?? '')]).toEqual([key, places(text)])
    }
  })

  it('say something everywhere', () => {
    for (const texts of Object.values(catalogues)) {
      for (const [key, text] of texts) expect([key, text.trim()]).not.toEqual([key, ''])
    }
  })

  it('have three Russian forms wherever they have several', () => {
    const odd = [...catalogues.ru].filter(([, text]) => ![1, 3].includes(text.split(' | ').length))
    expect(odd).toEqual([])
  })

  it('hold every key the code uses', () => {
    expect(written.length).toBeGreaterThan(100)
    expect(written.filter((key) => !catalogues.ru.has(key))).toEqual([])
    for (const family of families) {
      expect([family, [...catalogues.ru.keys()].some((key) => key.startsWith(`${family}.`))]).toEqual([family, true])
    }
  })

  it('hold no text nobody uses', () => {
    const used = new Set(written)
    const idle = [...catalogues.ru.keys()].filter(
      (key) => !used.has(key) && !families.has(key.slice(0, key.lastIndexOf('.'))),
    )
    expect(idle).toEqual([])
  })
})

it('icons come from the bundled set', () => {
  const file = join(SRC, '..', 'node_modules', '@iconify-json', 'lucide', 'icons.json')
  const set = JSON.parse(readFileSync(file, 'utf8')) as { icons: object; aliases: object }
  const used = new Set([...code.matchAll(/i-lucide-([a-z0-9-]+)/g)].map((match) => match[1] ?? ''))

  expect([...used].filter((icon) => !(icon in set.icons) && !(icon in set.aliases))).toEqual([])
  expect([...code.matchAll(/\bi-(?!lucide-)[a-z]+-[a-z-]+/g)].map((match) => match[0])).toEqual([])
})
