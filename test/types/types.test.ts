// In one process, which parses the libraries once for all programs.
import './projects.ts'
import './client-declarations.ts'
import './exported-values.ts'
