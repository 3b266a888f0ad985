import { join, relative, resolve } from 'node:path'
import ts from 'typescript'

const ROOT = resolve(import.meta.dirname, '../..')
const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile.bind(ts.sys)) as { config: { compilerOptions: object } }

/** The compiler options of the project, with the DOM. */
export const { options } = ts.convertCompilerOptionsFromJson({ ...config.compilerOptions, lib: ['es2023', 'dom', 'dom.iterable'] }, ROOT)

const parsed = new Map<string, ts.SourceFile | undefined>()

/** The files of the disk for a compiler, and texts that are not files. Each file is parsed once for all programs of this process. */
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

/** Creates a program from texts that are not files, each with a path in the project. */
export function createProgram (texts: ReadonlyMap<string, string>, more: ts.CompilerOptions = {}): ts.Program {
  const own = new Map([...texts].map(([path, text]) => [join(ROOT, path), text]))
  const all = { ...options, ...more }
  return ts.createProgram([...own.keys()], all, createHost(own, all))
}

/** The compiler options for other libraries than those of the project, named as `lib` in a tsconfig.json names them. */
export function withLibraries (lib: readonly string[]): ts.CompilerOptions {
  return ts.convertCompilerOptionsFromJson({ lib }, ROOT).options
}

/**
 * Compiles the declarations of a project without writing them.
 *
 * @param config The path of a tsconfig.json.
 * @returns The declarations by path below the output folder, and the errors of the compiler.
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

/** The errors of the compiler in the files of these paths, each with its position. */
export function errorsIn (program: ts.Program, paths: Iterable<string>): string[] {
  return [...paths].flatMap((path) => {
    const file = program.getSourceFile(join(ROOT, path))!
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(({ start = 0, messageText }) => (
      `${path}:${file.getLineAndCharacterOfPosition(start).line + 1}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
    ))
  })
}
