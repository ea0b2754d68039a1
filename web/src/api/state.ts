import { ref } from 'vue'

/** False while requests get no answer at all; the banner and the reconnection watch it. */
export const reachable = ref(true)

/** Counts refusals for want of a session; the session watches it. */
export const unauthenticated = ref(0)

/** The language answers are asked for. */
export const language = ref('en')

/** Counts returns after a lost connection; pages read their content again, and keep what was typed. */
export const returns = ref(0)
