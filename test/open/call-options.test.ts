import { runInNewContext } from 'node:vm'
import t from 'tap'
import { readBroadcastOptions } from '../../lib/publish/broadcast-options.ts'
import { readCloseOptions, readStreamOptions, type CloseOptions } from '../../lib/subscribers/close-options.ts'
import { readSubscribeOptions } from '../../lib/open/subscribe-options.ts'
import { EVERYBODY } from '../../lib/log/channel-name.ts'

interface Refusal { readonly code: string, readonly message?: RegExp }

const unknown = (message: RegExp): Refusal => ({ code: 'FST_SSE_OPTION_UNKNOWN', message })
const invalid = (message: RegExp): Refusal => ({ code: 'FST_SSE_OPTION_INVALID', message })
const noChannel: Refusal = { code: 'FST_SSE_CHANNEL_INVALID' }

/** What a reader makes of options, and what it refuses. */
function claims<O, R> (
  name: string, read: (options: O) => R, accepted: Array<[options: unknown, read: R]>, refused: Array<[options: unknown, error: Refusal]>
): void {
  t.test(name, async (t) => {
    for (const [options, expected] of accepted) t.strictSame(read(options as O), expected)
    for (const [options, error] of refused) {
      t.throws(() => read(options as O), error)
      t.throws(() => read(options as O), { message: /^[^\n]{1,400}$/ })
    }
  })
}

const context = { name: 'Ada' }
class Own { name = 'Ada' }
const own = new Own()

claims('the options of `subscribe` are complete, and name what is wrong', readSubscribeOptions, [
  [{}, { channels: [EVERYBODY], from: undefined, resume: true, context: {}, expiresAt: Infinity }],
  [{ from: undefined, context: undefined }, { channels: [EVERYBODY], from: undefined, resume: true, context: {}, expiresAt: Infinity }],
  [{ channels: [] }, { channels: [], from: undefined, resume: true, context: {}, expiresAt: Infinity }],
  [{ channels: ['b', 'a', 'b'] }, { channels: ['b', 'a'], from: undefined, resume: true, context: {}, expiresAt: Infinity }],
  [{ channels: ['a'], from: 'oldest', context }, { channels: ['a'], from: 'oldest', resume: true, context, expiresAt: Infinity }],
  [{ expiresAt: new Date(5) }, { channels: [EVERYBODY], from: undefined, resume: true, context: {}, expiresAt: 5 }],
  [{ expiresAt: runInNewContext('new Date(5)') }, { channels: [EVERYBODY], from: undefined, resume: true, context: {}, expiresAt: 5 }],
  [{ expiresAt: undefined }, { channels: [EVERYBODY], from: undefined, resume: true, context: {}, expiresAt: Infinity }],
  [{ from: '' }, { channels: [EVERYBODY], from: undefined, resume: true, context: {}, expiresAt: Infinity }],
  [{ resume: false }, { channels: [EVERYBODY], from: undefined, resume: false, context: {}, expiresAt: Infinity }],
  [{ context: own }, { channels: [EVERYBODY], from: undefined, resume: true, context: own, expiresAt: Infinity }]
], [
  [null, invalid(/"subscribe" must be an object.*it is null/)],
  ['a', invalid(/"subscribe" must/)],
  [['a'], invalid(/"subscribe" must/)],
  [{ channel: ['a'] }, unknown(/key of the option "subscribe" is unknown; valid keys: channels, from, resume, context, expiresAt$/)],
  [{ resume: 'no' }, invalid(/"subscribe\.resume" must be true or false/)],
  [{ resume: null }, invalid(/"subscribe\.resume"/)],
  [{ expiresAt: new Date(NaN) }, invalid(/"subscribe\.expiresAt" must be a valid Date; it is an invalid Date$/)],
  [{ expiresAt: 1_700_000_000 }, invalid(/"subscribe\.expiresAt"/)],
  [{ expiresAt: null }, invalid(/"subscribe\.expiresAt"/)],
  [{ channels: 'a' }, invalid(/"subscribe\.channels" must be a list of channels; it is text of 1 character$/)],
  [{ channels: null }, invalid(/"subscribe\.channels"/)],
  [{ channels: undefined }, invalid(/"subscribe\.channels" must be a list of channels, if the key is present; it is undefined/)],
  [{ channels: new Set(['a']) }, invalid(/"subscribe\.channels"/)],
  [{ channels: ['a', ''] }, noChannel],
  [{ channels: [undefined] }, noChannel],
  [{ channels: new Array(2) }, noChannel],
  [{ channels: [['a']] }, noChannel],
  [{ from: null }, invalid(/"subscribe\.from" must/)],
  [{ from: 7 }, invalid(/"subscribe\.from" must/)]
])

const readBroadcast = (options: object): unknown => readBroadcastOptions(options, true)

claims('the options of `broadcast` are complete, and name what is wrong', readBroadcast, [
  [{}, { channels: [EVERYBODY], id: undefined, ephemeral: undefined }],
  [{ id: undefined, ephemeral: undefined }, { channels: [EVERYBODY], id: undefined, ephemeral: undefined }],
  [{ channels: 'a' }, { channels: ['a'], id: undefined, ephemeral: undefined }],
  [{ channels: ['a', 'b', 'a'], ephemeral: false }, { channels: ['a', 'b'], id: undefined, ephemeral: false }],
  [{ channels: [], ephemeral: true }, { channels: [], id: undefined, ephemeral: true }],
  [{ id: 'a' }, { channels: [EVERYBODY], id: 'a', ephemeral: undefined }],
  [{ id: '~ !' }, { channels: [EVERYBODY], id: '~ !', ephemeral: undefined }],
  [{ id: 'x'.repeat(256) }, { channels: [EVERYBODY], id: 'x'.repeat(256), ephemeral: undefined }],
  [{ id: 'sse' }, { channels: [EVERYBODY], id: 'sse', ephemeral: undefined }]
], [
  [null, invalid(/"broadcast" must be an object/)],
  [{ channel: 'a' }, unknown(/key of the option "broadcast" is unknown/)],
  [{ channels: '' }, noChannel],
  [{ channels: ['a', 'b\n'] }, noChannel],
  [{ channels: 7 }, invalid(/"broadcast\.channels" must/)],
  [{ channels: null }, invalid(/"broadcast\.channels" must/)],
  [{ ephemeral: 'yes' }, invalid(/"broadcast\.ephemeral" must be true or false; it is text of 3 characters$/)],
  [{ ephemeral: null }, invalid(/"broadcast\.ephemeral"/)],
  ...['', ' a', 'a ', 'a\n', 'a\0b', '\u00e9', '\u{1f600}', 'x'.repeat(257), 7, null, {}].map((id): [object, Refusal] => [{ id }, invalid(/"broadcast\.id" must be 1 to 256/)]),
  ...['sse.final', 'sse.', 'sse.anything'].map((id): [object, Refusal] => [{ id }, invalid(/"broadcast\.id" must be different from the plugin's own ids/)])
])

t.test('an id is refused where events have none', async (t) => {
  t.throws(() => readBroadcastOptions({ id: 'a' }, false), invalid(/"broadcast\.id" must be absent if "history" is false/))
  t.strictSame(readBroadcastOptions({ ephemeral: true }, false), { channels: [EVERYBODY], id: undefined, ephemeral: true })
})

claims('the options of `close` are complete, and name what is wrong', (options: CloseOptions) => readCloseOptions('close', options), [
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

claims('the options of `stream` are complete, and name what is wrong', readStreamOptions, [
  [{}, { end: true }],
  [{ end: undefined }, { end: true }],
  [{ end: false }, { end: false }]
], [
  [null, invalid(/"stream" must/)],
  [{ final: true }, unknown(/key of the option "stream" is unknown; valid keys: end/)],
  [{ end: 0 }, invalid(/"stream\.end" must be true or false; it is a number$/)]
])

t.test('options are read, never kept: a list that is changed afterwards changes nothing', async (t) => {
  const channels = ['a']
  const subscribed = readSubscribeOptions({ channels })
  const broadcast = readBroadcastOptions({ channels }, true)
  channels.push('b')
  t.strictSame(subscribed.channels, ['a'])
  t.strictSame(broadcast.channels, ['a'])
})
