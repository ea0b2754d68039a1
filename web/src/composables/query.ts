import { computed } from 'vue'
import { useRoute, useRouter } from 'vue-router'

/** Filters of a list in the address: a link to a view shows the same view. */
export function useQuery<Name extends string>(names: readonly Name[]) {
  type Filters = Partial<Record<Name, string>>
  const route = useRoute()
  const router = useRouter()
  const home = route.name

  const filters = computed(() => {
    const found: Filters = {}
    for (const name of names) {
      const value = route.query[name]
      if (typeof value === 'string' && value !== '') found[name] = value
    }
    return found
  })

  /** A late keystroke must not touch the address of the page a person has gone to meanwhile. */
  async function set(changed: { [name in Name]?: string | undefined }): Promise<void> {
    if (route.name === home) await router.replace({ query: { ...filters.value, ...changed } })
  }

  return {
    filters,
    active: computed(() => Object.keys(filters.value).length > 0),
    set,
    clear: () => (route.name === home ? router.replace({ query: {} }) : Promise.resolve()),
  }
}
