// Writes what the type checker needs from the kit (theme types under node_modules/.nuxt-ui) without a build.
import { resolveConfig } from 'vite'

await resolveConfig({}, 'build')
