// In one process, which parses the libraries once for all programs.
import './projects.ts'
import './declarations.ts'
import './exported-values.ts'
