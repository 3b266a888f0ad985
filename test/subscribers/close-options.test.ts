import { readCloseOptions, readStreamOptions, type CloseOptions } from '../../lib/subscribers/close-options.ts'
import { claims, invalid, unknown } from '../support/option-claims.ts'

claims('`close` completes its options, and names an invalid option', (options: CloseOptions) => readCloseOptions('close', options), [
  [{}, { final: false }],
  [{ final: undefined }, { final: false }],
  [{ final: true }, { final: true }]
], [
  [null, invalid(/"close" must/)],
  [true, invalid(/"close" must/)],
  [{ finally: true }, unknown(/key of the option "close" is unknown; valid keys: final/)],
  [{ final: null }, invalid(/"close\.final" must be true or false; it is null/)],
  [{ final: 1 }, invalid(/"close\.final"/)]
])

claims('`stream` completes its options, and names an invalid option', readStreamOptions, [
  [{}, { end: true }],
  [{ end: undefined }, { end: true }],
  [{ end: false }, { end: false }]
], [
  [null, invalid(/"stream" must/)],
  [{ final: true }, unknown(/key of the option "stream" is unknown; valid keys: end/)],
  [{ end: 0 }, invalid(/"stream\.end" must be true or false; it is a number$/)]
])
