// npm start [-- <pattern>]: checks the packed plugin in the programs of many kinds of consumers.
import { runChecks } from './checks.js'
import { checkBundles } from './checks/bundles.js'
import { checkCompilers } from './checks/compilers.js'
import { checkCopies } from './checks/copies.js'
import { checkManagers } from './checks/managers.js'
import { checkPrograms } from './checks/programs.js'
import { checkRunners } from './checks/runners.js'
import { Workplace } from './workplace.js'

const workplace = new Workplace()
try {
  await workplace.open()
  for (const declare of [checkManagers, checkCompilers, checkRunners, checkBundles, checkPrograms, checkCopies]) declare(workplace)
  await runChecks(process.argv[2] ?? '')
} finally {
  await workplace.close()
}
