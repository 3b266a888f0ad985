import { join, relative, resolve } from 'node:path'
import type { CompilerHost, CompilerOptions, Diagnostic, ParsedCommandLine, Program, SourceFile } from 'typescript'
import { ts } from '../../scripts/house/compiler.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile.bind(ts.sys)) as { config: { compilerOptions: object } }

/** The compiler options of the project, with the DOM. */
export const { options } = ts.convertCompilerOptionsFromJson({ ...config.compilerOptions, lib: ['es2023', 'dom', 'dom.iterable'] }, ROOT)

const parsed = new Map<string, SourceFile | undefined>()

/** The files of the disk for a compiler. Each is parsed once for all programs of this process. */
function createHost (options: CompilerOptions): CompilerHost {
  const host = ts.createIncrementalCompilerHost(options)
  const { getSourceFile } = host
  host.getSourceFile = (name, ...others) => {
    if (!parsed.has(name)) parsed.set(name, getSourceFile.call(host, name, ...others))
    return parsed.get(name)
  }
  return host
}

/**
 * Creates a program from texts that are not files.
 *
 * @param texts Each with a path in the project.
 * @param more Compiler options beside those of the project.
 * @param roots The paths of the texts that the program consists of, with what they import.
 */
export function createProgram (texts: ReadonlyMap<string, string>, more: CompilerOptions = {}, roots = texts.keys()): Program {
  const own = new Map([...texts].map(([path, text]) => [join(ROOT, path), text]))
  const all = { ...options, ...more }
  const host = createHost(all)
  const { getSourceFile, fileExists, readFile, directoryExists } = host
  host.getSourceFile = (name, languageVersion, ...others) => {
    const text = own.get(name)
    return text === undefined ? getSourceFile(name, languageVersion, ...others) : ts.createSourceFile(name, text, languageVersion, true)
  }
  host.fileExists = (name) => own.has(name) || fileExists.call(host, name)
  host.directoryExists = (name) => [...own.keys()].some((path) => path.startsWith(`${name}/`)) || directoryExists!.call(host, name)
  host.readFile = (name) => own.get(name) ?? readFile.call(host, name)
  return ts.createProgram([...roots].map((path) => join(ROOT, path)), all, host)
}

/** The compiler options for other libraries than those of the project, named as `lib` in a tsconfig.json names them. */
export function withLibraries (lib: readonly string[]): CompilerOptions {
  return ts.convertCompilerOptionsFromJson({ lib }, ROOT).options
}

function readProject (config: string): ParsedCommandLine {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} }
  return ts.getParsedCommandLineOfConfigFile(join(ROOT, config), {}, host)!
}

const textOf = ({ messageText }: Diagnostic): string => ts.flattenDiagnosticMessageText(messageText, '\n')

/**
 * Compiles the declarations of the package without writing them: by path below the output folder, and the errors of the compiler. Of the types it
 * checks those of the client, which need libraries that the rest does not need.
 */
export function emitDeclarations (): { declarations: ReadonlyMap<string, string>, errors: string[] } {
  const { fileNames, options, errors } = readProject('tsconfig.build.json')
  const program = ts.createProgram(fileNames, { ...options, noCheck: false }, createHost(options))
  const client = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(join(ROOT, 'client/')))
  const declarations = new Map<string, string>()
  const { diagnostics } = program.emit(undefined, (name, text) => { declarations.set(relative(options.outDir!, name), text) })
  const complaints = [...errors, ...client.flatMap((file) => ts.getPreEmitDiagnostics(program, file)), ...diagnostics]
  return { declarations, errors: complaints.map(textOf) }
}

/**
 * Checks a project as `tsc` does: it keeps the results in the cache of the project, and checks again only what has changed.
 *
 * @param config The path of a tsconfig.json.
 * @returns The errors, as `tsc` prints them.
 */
export function errorsOf (config: string): string {
  const { fileNames, options, errors } = readProject(config)
  const host = createHost(options)
  const program = ts.createIncrementalProgram({ rootNames: fileNames, options, host })
  const found = [
    ...errors, ...program.getOptionsDiagnostics(), ...program.getSyntacticDiagnostics(), ...program.getGlobalDiagnostics(),
    ...program.getSemanticDiagnostics(), ...program.emit().diagnostics
  ]
  return ts.formatDiagnostics(ts.sortAndDeduplicateDiagnostics(found), host)
}

/** The errors of the compiler in the files of these paths, each with its position. */
export function errorsIn (program: Program, paths: Iterable<string>): string[] {
  return [...paths].flatMap((path) => {
    const file = program.getSourceFile(join(ROOT, path))!
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((error) => (
      `${path}:${file.getLineAndCharacterOfPosition(error.start ?? 0).line + 1}: ${textOf(error)}`
    ))
  })
}
