import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { baseCompile } from '@intlify/message-compiler'
import ui from '@nuxt/ui/vite'
import vue from '@vitejs/plugin-vue'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('.', import.meta.url))
const server = 'http://127.0.0.1:8000'

/** The API reference is Swagger UI, served from this page's own folder: no other host is asked. */
function apiDocs(): Plugin {
  const assets = ['swagger-ui.css', 'swagger-ui-bundle.js', 'LICENSE', 'NOTICE']
  return {
    name: 'vhm24r:api-docs',
    apply: 'build',
    closeBundle() {
      const target = join(root, 'dist', 'api-docs')
      mkdirSync(target, { recursive: true })
      for (const asset of assets) {
        copyFileSync(join(root, 'node_modules', 'swagger-ui-dist', asset), join(target, asset))
      }
    },
  }
}

/** On a phone the sidebar is a slideover; the kit's two other ways of showing it would add 15 kB to the first load. */
function leanSidebar(): Plugin {
  return {
    name: 'vhm24r:lean-sidebar',
    enforce: 'pre',
    resolveId(id, importer) {
      const unused = id === './Drawer.vue' || id === './Modal.vue'
      return unused && importer?.includes('/DashboardSidebar.vue') ? this.resolve('./Slideover.vue', importer) : null
    },
  }
}

/** Texts with places or plural forms are parsed at build time, so the page needs no parser (10 kB less to load). */
function catalogues(): Plugin {
  const parse = (text: unknown): unknown => {
    if (typeof text === 'string') {
      return /[{|@]/.test(text) ? baseCompile(text, { jit: true, minify: true, location: false }).ast : text
    }
    return Object.fromEntries(Object.entries(text as object).map(([key, value]) => [key, parse(value)]))
  }
  return {
    name: 'vhm24r:catalogues',
    enforce: 'pre',
    transform(code, id) {
      return /\/src\/i18n\/\w+\.json$/.test(id) ? { code: JSON.stringify(parse(JSON.parse(code))), map: null } : null
    },
  }
}

export default defineConfig({
  plugins: [
    leanSidebar(),
    vue(),
    ui({
      fonts: false,
      autoImport: { dts: 'src/auto-imports.d.ts' },
      components: { dts: 'src/components.d.ts' },
      experimental: { componentDetection: true },
      icon: { clientBundle: { scan: { globInclude: ['src/**/*.{vue,ts}'], globExclude: ['**/*.test.ts'] } } },
      ui: { colors: { primary: 'teal', neutral: 'zinc', warning: 'amber' } },
    } as Parameters<typeof ui>[0]),
    catalogues(),
    apiDocs(),
  ],
  define: {
    __VUE_I18N_LEGACY_API__: false,
    __INTLIFY_DROP_MESSAGE_COMPILER__: true,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
  resolve: { alias: { '@': join(root, 'src') } },
  build: { outDir: 'dist', sourcemap: false, target: 'es2022' },
  server: {
    proxy: Object.fromEntries(['/api', '/link', '/health', '/demo'].map((path) => [path, { target: server }])),
  },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
})
