import { computed } from 'vue'
import type { Role } from '@/api/types'
import { useNames } from './names'
import { useSession } from './session'

export const ROLES: Role[] = ['owner', 'admin', 'operator', 'viewer', 'customer']

/** Who can be limited to some machines or sources. */
export const isLimitable = (role: string): boolean => role === 'operator' || role === 'viewer'

/** Roles to give: only an owner makes somebody an owner. */
export function useRoles() {
  const { me } = useSession()
  const { name } = useNames()
  return computed(() =>
    ROLES.filter((role) => role !== 'owner' || me.value?.role === 'owner').map((value) => ({
      value,
      label: name('people', value),
    })),
  )
}
