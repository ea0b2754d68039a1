import { type MaybeRefOrGetter, toValue, watchEffect } from 'vue'

/** The browser's title follows the page's. */
export function useTitle(title: MaybeRefOrGetter<string>): void {
  watchEffect(() => {
    document.title = `${toValue(title)} · VHM24R`
  })
}
