import { runInNewContext } from 'node:vm'
import t from 'tap'
import { readSubscribeOptions } from '../../lib/open/subscribe-options.ts'
import { PLAIN } from '../../lib/wire/stream-form.ts'
import { EVERYBODY } from '../../lib/log/channel-name.ts'
import { claims, invalid, noChannel, unknown } from '../support/option-claims.ts'

const context = { name: 'Ada' }
class Own { name = 'Ada' }
const own = new Own()

claims('`subscribe` completes its options, and names an invalid option', readSubscribeOptions, [
  [{}, { channels: [EVERYBODY], from: undefined, resume: true, context: {}, expiresAt: Infinity, form: undefined }],
  [{ from: undefined, context: undefined }, { channels: [EVERYBODY], from: undefined, resume: true, context: {}, expiresAt: Infinity, form: undefined }],
  [{ channels: [] }, { channels: [], from: undefined, resume: true, context: {}, expiresAt: Infinity, form: undefined }],
  [{ channels: ['b', 'a', 'b'] }, { channels: ['b', 'a'], from: undefined, resume: true, context: {}, expiresAt: Infinity, form: undefined }],
  [{ channels: ['a'], from: 'oldest', context }, { channels: ['a'], from: 'oldest', resume: true, context, expiresAt: Infinity, form: undefined }],
  [{ expiresAt: new Date(5) }, { channels: [EVERYBODY], from: undefined, resume: true, context: {}, expiresAt: 5, form: undefined }],
  [{ expiresAt: runInNewContext('new Date(5)') }, { channels: [EVERYBODY], from: undefined, resume: true, context: {}, expiresAt: 5, form: undefined }],
  [{ expiresAt: undefined }, { channels: [EVERYBODY], from: undefined, resume: true, context: {}, expiresAt: Infinity, form: undefined }],
  [{ from: '' }, { channels: [EVERYBODY], from: undefined, resume: true, context: {}, expiresAt: Infinity, form: undefined }],
  [{ resume: false }, { channels: [EVERYBODY], from: undefined, resume: false, context: {}, expiresAt: Infinity, form: undefined }],
  [{ plain: false }, { channels: [EVERYBODY], from: undefined, resume: true, context: {}, expiresAt: Infinity, form: undefined }],
  [{ plain: true }, { channels: [EVERYBODY], from: undefined, resume: true, context: {}, expiresAt: Infinity, form: PLAIN }],
  [{ context: own }, { channels: [EVERYBODY], from: undefined, resume: true, context: own, expiresAt: Infinity, form: undefined }]
], [
  [null, invalid(/"subscribe" must be an object.*it is null/)],
  ['a', invalid(/"subscribe" must/)],
  [['a'], invalid(/"subscribe" must/)],
  [{ channel: ['a'] }, unknown(/key of the option "subscribe" is unknown; valid keys: channels, from, resume, context, expiresAt, plain$/)],
  [{ plain: 'yes' }, invalid(/"subscribe\.plain" must be true, false, or \{ end \}; it is text of 3 characters$/)],
  [{ plain: null }, invalid(/"subscribe\.plain" must/)],
  [{ plain: {} }, invalid(/"subscribe\.plain\.end" must be text; it is undefined$/)],
  [{ plain: { end: 1 } }, invalid(/"subscribe\.plain\.end" must be text/)],
  [{ plain: { end: '', start: '' } }, unknown(/key of the option "subscribe\.plain" is unknown; valid keys: end$/)],
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

t.test('a change to the array `channels` after the call has no effect', async (t) => {
  const channels = ['a']
  const subscribed = readSubscribeOptions({ channels })
  channels.push('b')
  t.strictSame(subscribed.channels, ['a'])
})
