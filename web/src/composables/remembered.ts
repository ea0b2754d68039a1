import { useStorage } from '@vueuse/core'
import type { RemovableRef } from '@vueuse/core'

/** A choice kept on this device. */
export const useRemembered = <Value extends object | boolean>(name: string, value: Value): RemovableRef<Value> =>
  useStorage<Value>(`vhm24r.${name}`, value, undefined, { mergeDefaults: true })
