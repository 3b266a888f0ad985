import { join, resolve } from 'node:path'
import ts from 'typescript'

const ROOT = resolve(import.meta.dirname, '../..')
const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile.bind(ts.sys)) as { config: { compilerOptions: object } }

/** The compiler options of the project, with the DOM. */
export const { options } = ts.convertCompilerOptionsFromJson({ ...config.compilerOptions, lib: ['es2023', 'dom', 'dom.iterable'] }, ROOT)

const parsed = new Map<string, ts.SourceFile | undefined>()

/** Creates a program from texts that are not files, each with a path in the project. Files that they import are parsed once for all programs. */
export function createProgram (texts: ReadonlyMap<string, string>, more: ts.CompilerOptions = {}): ts.Program {
  const own = new Map([...texts].map(([path, text]) => [join(ROOT, path), text]))
  const host = ts.createCompilerHost({ ...options, ...more })
  const { getSourceFile, fileExists, readFile, directoryExists } = host
  host.getSourceFile = (name, languageVersion, ...others) => {
    const text = own.get(name)
    if (text !== undefined) return ts.createSourceFile(name, text, languageVersion, true)
    if (!parsed.has(name)) parsed.set(name, getSourceFile.call(host, name, languageVersion, ...others))
    return parsed.get(name)
  }
  host.fileExists = (name) => own.has(name) || fileExists.call(host, name)
  host.directoryExists = (name) => [...own.keys()].some((path) => path.startsWith(`${name}/`)) || directoryExists!.call(host, name)
  host.readFile = (name) => own.get(name) ?? readFile.call(host, name)
  return ts.createProgram([...own.keys()], { ...options, ...more }, host)
}

/** The errors of the compiler in these texts, each with its position. */
export function errorsIn (program: ts.Program, texts: ReadonlyMap<string, string>): string[] {
  return [...texts.keys()].flatMap((path) => {
    const file = program.getSourceFile(join(ROOT, path))!
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(({ start = 0, messageText }) => (
      `${path}:${file.getLineAndCharacterOfPosition(start).line + 1}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
    ))
  })
}
