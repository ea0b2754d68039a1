import type { components } from './schema'

type Schemas = components['schemas']

export type ApiKey = Schemas['ApiKeyOut']
export type AuditEntry = Schemas['AuditEntryOut']
export type Change = Schemas['ChangeOut']
export type ColumnGuess = Schemas['ColumnGuessOut']
export type Device = Schemas['SessionOut']
export type Evidence = Schemas['EvidenceOut']
export type FieldChange = Schemas['RowChangeOut']
export type FieldDiff = Schemas['FieldDiffOut']
export type Import = Schemas['ImportOut']
export type ImportRow = Schemas['ImportRowOut']
export type Issue = Schemas['IssueOut']
export type Locator = Schemas['LocatorOut']
export type MachineItem = Schemas['MachineOut']
export type Mapping = Schemas['MappingIn']
export type MappingHelp = Schemas['MappingHelpOut']
export type MappingTarget = Schemas['MappingTargetOut']
export type Me = Schemas['MeOut']
export type Money = Schemas['MoneyOut']
export type Order = Schemas['OrderOut']
export type OrderPatch = Partial<Omit<Schemas['OrderPatchIn'], 'tags'>> & { tags?: Partial<Schemas['TagsIn']> }
export type OrderRow = Schemas['OrderRowOut']
export type Permission = Schemas['Permission']
export type Person = Schemas['PersonOut']
export type Problem = Schemas['Problem']
export type ProductItem = Schemas['ProductOut']
export type RememberedMapping = Schemas['MappingOut']
export type Role = Schemas['Role']
export type Sample = Schemas['SampleOut']
export type SignedIn = Schemas['SignedInOut']
export type SourceName = Schemas['SourceName']
export type Tokens = Schemas['TokensOut']
export type Undo = Schemas['UndoOut']
export type Version = Schemas['VersionOut']
export type Ways = Schemas['WaysOut']

export type Outcome = Schemas['Outcome']
export type FieldValue = Change['old']

/** One page of a keyset list. */
export interface Page<Item> {
  items: Item[]
  next_cursor?: string | null
  total?: number | null
}
