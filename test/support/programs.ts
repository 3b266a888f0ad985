import { join, relative, resolve } from 'node:path'
import ts from 'typescript'

const ROOT = resolve(import.meta.dirname, '../..')
const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile.bind(ts.sys)) as { config: { compilerOptions: object } }

/** The options of the project, with the DOM. */
export const { options } = ts.convertCompilerOptionsFromJson({ ...config.compilerOptions, lib: ['es2023', 'dom', 'dom.iterable'] }, ROOT)

const parsed = new Map<string, ts.SourceFile | undefined>()

/** A compiler's view of the disk, with texts in it that are no files. A file is parsed once for all programs of this process. */
function createHost (own: ReadonlyMap<string, string>, options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
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
  return host
}

/** A program of texts that are no files, by the path in the project that each stands for. */
export function createProgram (texts: ReadonlyMap<string, string>, more: ts.CompilerOptions = {}): ts.Program {
  const own = new Map([...texts].map(([path, text]) => [join(ROOT, path), text]))
  const all = { ...options, ...more }
  return ts.createProgram([...own.keys()], all, createHost(own, all))
}

/** The options that a program has with other libraries than the project, as `lib` in a tsconfig.json names them. */
export function withLibraries (lib: readonly string[]): ts.CompilerOptions {
  return ts.convertCompilerOptionsFromJson({ lib }, ROOT).options
}

/**
 * Compiles the declarations of a project, which are written nowhere.
 *
 * @param config Its tsconfig.json.
 * @returns The declarations by their path below the output folder, and what the compiler complains about.
 */
export function declarationsOf (config: string): { declarations: ReadonlyMap<string, string>, errors: string[] } {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} }
  const { fileNames, options, errors } = ts.getParsedCommandLineOfConfigFile(join(ROOT, config), {}, host)!
  const program = ts.createProgram(fileNames, options, createHost(new Map(), options))
  const declarations = new Map<string, string>()
  const { diagnostics } = program.emit(undefined, (name, text) => { declarations.set(relative(options.outDir!, name), text) })
  const complaints = [...errors, ...ts.getPreEmitDiagnostics(program), ...diagnostics]
  return { declarations, errors: complaints.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')) }
}

/** What the compiler says of the texts themselves, each with its place. */
export function errorsIn (program: ts.Program, texts: ReadonlyMap<string, string>): string[] {
  return [...texts.keys()].flatMap((path) => {
    const file = program.getSourceFile(join(ROOT, path))!
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(({ start = 0, messageText }) => (
      `${path}:${file.getLineAndCharacterOfPosition(start).line + 1}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
    ))
  })
}
