import type { Kind, TransformKind } from './type-marks.ts'

// The JSON Schema of both TypeBox lines, and the keywords that describe parts. The lines differ only in the marks that they add to a schema, so
// this file and its importers need not know which line a schema belongs to.

/** A schema of either TypeBox line, with the keywords that matter here. */
export interface Schema {
  readonly $id?: string
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly format?: string
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly not?: Schema
  readonly allOf?: readonly Schema[]
  readonly if?: Schema
  readonly then?: Schema
  readonly else?: Schema
  readonly dependentSchemas?: Readonly<Record<string, Schema>>
  readonly dependencies?: Readonly<Record<string, Schema | readonly string[]>>
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly unevaluatedProperties?: boolean | Schema
  readonly items?: Schema | readonly Schema[]
  readonly prefixItems?: readonly Schema[]
  readonly additionalItems?: boolean | Schema
  readonly contains?: Schema
  readonly unevaluatedItems?: boolean | Schema
  /** The kind of the type, a mark of TypeBox 0.34. */
  readonly [Kind]?: string
  /** The encoder of a `Type.Transform`, TypeBox 0.34. */
  readonly [TransformKind]?: { Encode (value: unknown): unknown }
  /** The encoder of a `Type.Codec`, TypeBox 1.x. */
  readonly '~codec'?: { encode (value: unknown): unknown }
}

/** A schema has a reference that does not exist or that this plugin does not resolve. */
export class ReferenceUnresolved extends Error {}

/** The keywords whose schemas apply to parts of the value. */
export const SCHEMAS_OF_PARTS = [
  'properties', 'patternProperties', 'additionalProperties', 'unevaluatedProperties',
  'items', 'prefixItems', 'additionalItems', 'unevaluatedItems', 'contains'
] as const

/** The keywords whose schemas apply to the value itself. */
export const SCHEMAS_OF_WHOLE = ['allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else', 'dependentSchemas', 'dependencies'] as const

/** The keywords whose value maps names to schemas, instead of being a schema or a list of schemas. */
export const SCHEMAS_BY_NAME: readonly string[] = ['properties', 'patternProperties', 'dependentSchemas', 'dependencies']

// A schema with any of these keywords describes parts, so only the parts that it declares are sent. This applies to objects and lists alike,
// because a schema with `properties` and no `type` accepts any list too. The keywords of the last row belong to types without a JSON form.
const DESCRIBING_PARTS = [
  ...SCHEMAS_OF_PARTS, 'dependentSchemas', 'dependencies', 'dependentRequired', 'required', 'propertyNames', 'minProperties', 'maxProperties',
  'minContains', 'maxContains', 'minItems', 'maxItems', 'uniqueItems',
  'item', 'parameters', 'returns', 'returnType', 'instanceType'
]

// The target of these references depends on the path through the schema that led to them.
const DYNAMIC_REFERENCES = ['$dynamicRef', '$recursiveRef']

/** True if a schema has a keyword about properties or items. */
export function describesParts (schema: Schema): boolean {
  return DESCRIBING_PARTS.some((keyword) => Object.hasOwn(schema, keyword))
}

/** @throws ReferenceUnresolved when a schema has a dynamic reference. */
export function refuseDynamicReferences (schema: Schema): void {
  const keyword = DYNAMIC_REFERENCES.find((keyword) => Object.hasOwn(schema, keyword))
  if (keyword !== undefined) throw new ReferenceUnresolved(`it has "${keyword}", which this plugin does not resolve; use "$ref"`)
}
