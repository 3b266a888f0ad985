import t from 'tap'
import { errorsOf } from '../support/programs.ts'

for (const project of ['tsconfig.json', 'client/tsconfig.json', 'test/types/augmented/tsconfig.json']) {
  t.test(`${project} compiles with exactly the expected errors`, async (t) => {
    t.equal(errorsOf(project), '')
  })
}
