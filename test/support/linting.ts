import { join, resolve } from 'node:path'
import { ESLint } from 'eslint'
import { plugins } from 'neostandard'
import type { Program } from 'typescript'

const ROOT = resolve(import.meta.dirname, '../..')

/** A finding of a linter: its text, and the line of the source that it is about. */
export interface Finding {
  readonly line: number
  readonly message: string
  readonly source: string
}

/**
 * Creates a linter of texts that are not files.
 *
 * @param program The program that holds the types of the texts.
 * @param rules Names of rules of typescript-eslint.
 * @returns A function that lints the text of one path.
 */
export function createLinter (program: Program, rules: readonly string[]): (path: string, text: string) => Promise<Finding[]> {
  const { parser, plugin } = plugins['typescript-eslint']
  const eslint = new ESLint({
    cwd: ROOT,
    overrideConfigFile: true,
    overrideConfig: [{
      files: ['**/*.ts'],
      languageOptions: { parser: parser as never, parserOptions: { programs: [program] } },
      plugins: { '@typescript-eslint': plugin as never },
      rules: Object.fromEntries(rules.map((rule) => [`@typescript-eslint/${rule}`, 'error']))
    }]
  })
  return async (path, text) => {
    const [result] = await eslint.lintText(text, { filePath: join(ROOT, path) })
    return result!.messages.map(({ line, message }) => ({ line, message, source: text.split('\n')[line - 1]! }))
  }
}
