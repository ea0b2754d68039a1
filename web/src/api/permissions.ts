/** What the page asks permission for, spelt as the server spells it. */
export const PERMISSION = {
  readOrders: 'orders:read',
  editOrders: 'orders:write',
  readImports: 'imports:read',
  createImports: 'imports:write',
} as const
