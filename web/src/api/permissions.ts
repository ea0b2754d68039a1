/** What the page asks permission for, spelt as the server spells it. */
export const PERMISSION = {
  readOrders: 'orders:read',
  editOrders: 'orders:write',
  readImports: 'imports:read',
  createImports: 'imports:write',
  readPeople: 'people:read',
  decidePeople: 'people:write',
  makeKeys: 'keys:write',
  readAudit: 'audit:read',
} as const

/** What a program never does, whoever made its key. */
export const NEVER_BY_KEY = new Set<string>(['keys:write', 'people:write', 'profile:write'])
