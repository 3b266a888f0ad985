import { reactive, ref } from '@vue/reactivity'
import t from 'tap'
import { connect } from '../../../client/index.ts'
import { Answering } from '../answering.ts'

t.test('Vue\'s ref and reactive return a stream unwrapped, and its iterators are readable through a proxy', async (t) => {
  const server = await Answering.start(t)
  const stream = connect(server.url, { text: ['message'] })
  t.teardown(() => stream.close())
  const kept = ref(stream)
  const data = reactive({ stream, list: [stream], events: stream.events('message'), statuses: stream.statuses() })
  for (const one of [kept.value, data.stream, data.list[0]]) t.equal(one, stream)
  t.equal(kept.value.status.state, 'connecting')
  const { response } = await server.stream('event: sse.open\ndata: {}\n\n')
  t.match(await data.statuses.next(), { value: { state: 'connecting' } })
  t.match(await data.statuses.next(), { value: { state: 'open' } })
  response.write('data: a\n\n')
  t.match(await data.events.next(), { value: 'a' })
  data.stream.close()
  t.equal(kept.value.status.state, 'closed')
  t.match(await data.events.return!(), { done: true })
})
