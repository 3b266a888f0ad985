import type { Kind, TransformKind } from './type-marks.ts'

// Both TypeBox lines build JSON Schema; they differ in the marks they hang on it. This room and those that read it need not know
// which line a schema is of.

/** The keywords of a schema that say what a value is made of. */
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
  /** The mark of TypeBox 0.34. */
  readonly [Kind]?: string
  /** The encoder of a `Type.Transform`, TypeBox 0.34. */
  readonly [TransformKind]?: { Encode (value: unknown): unknown }
  /** The encoder of a `Type.Codec`, TypeBox 1.x. */
  readonly '~codec'?: { encode (value: unknown): unknown }
}

/** A schema holds something that this plugin does not follow, or that leads nowhere. */
export class SchemaNotFollowed extends Error {}

/** The keywords that hold schemas of a part of the value. */
export const SCHEMAS_OF_PARTS = [
  'properties', 'patternProperties', 'additionalProperties', 'unevaluatedProperties',
  'items', 'prefixItems', 'additionalItems', 'unevaluatedItems', 'contains'
] as const

/** The keywords that hold schemas of the value itself. */
export const SCHEMAS_OF_WHOLE = ['allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else', 'dependentSchemas', 'dependencies'] as const

/** Keywords that hold a schema by each name, not one schema or a list of them. */
export const SCHEMAS_BY_NAME: readonly string[] = ['properties', 'patternProperties', 'dependentSchemas', 'dependencies']

// A schema that has any of these says something of parts, so that it lets out only those it declares. It holds for either kind of
// value: a schema of `properties` without a `type` accepts every list, too. The last row stands on types without a JSON form.
const ABOUT_PARTS = [
  ...SCHEMAS_OF_PARTS, 'dependentSchemas', 'dependencies', 'dependentRequired', 'required', 'propertyNames', 'minProperties', 'maxProperties',
  'minContains', 'maxContains', 'minItems', 'maxItems', 'uniqueItems',
  'item', 'parameters', 'returns', 'returnType', 'instanceType'
]

// Their target depends on the way by which a value was reached.
const NOT_FOLLOWED = ['$dynamicRef', '$recursiveRef']

/** Whether a schema has a keyword about properties or items. */
export function isAboutParts (schema: Schema): boolean {
  return ABOUT_PARTS.some((keyword) => Object.hasOwn(schema, keyword))
}

/** @throws SchemaNotFollowed */
export function refuseNotFollowed (schema: Schema): void {
  const keyword = NOT_FOLLOWED.find((keyword) => Object.hasOwn(schema, keyword))
  if (keyword !== undefined) throw new SchemaNotFollowed(`it has "${keyword}", which this plugin does not follow; use "$ref"`)
}
