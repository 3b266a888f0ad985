import t from 'tap'
import { readBroadcastOptions } from '../../lib/publish/broadcast-options.ts'
import { EVERYBODY } from '../../lib/log/channel-name.ts'
import { claims, invalid, noChannel, unknown, type Refusal } from '../support/option-claims.ts'

const readBroadcast = (options: object): unknown => readBroadcastOptions(options, true)

claims('`broadcast` completes its options, and names an invalid option', readBroadcast, [
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

t.test('the option `id` is refused if history is false', async (t) => {
  t.throws(() => readBroadcastOptions({ id: 'a' }, false), invalid(/"broadcast\.id" must be absent if "history" is false/))
  t.strictSame(readBroadcastOptions({ ephemeral: true }, false), { channels: [EVERYBODY], id: undefined, ephemeral: true })
})

t.test('a change to the array `channels` after the call has no effect', async (t) => {
  const channels = ['a']
  const broadcast = readBroadcastOptions({ channels }, true)
  channels.push('b')
  t.strictSame(broadcast.channels, ['a'])
})
