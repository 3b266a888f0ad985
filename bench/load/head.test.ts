import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeadReader } from './head.ts'

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n'

test('a head may be cut anywhere, and the bytes after it belong to the body', () => {
  for (let cut = 1; cut <= HEAD.length; cut++) {
    const reader = new HeadReader()
    const first = Buffer.from(HEAD.slice(0, cut) + (cut === HEAD.length ? 'body' : ''))
    const early = reader.read(first, first.length)
    const rest = Buffer.from(`${HEAD.slice(cut)}body`)
    const read = early ?? reader.read(rest, rest.length)
    assert.deepEqual(read, { head: { status: 200, isChunked: true, isGzip: true }, used: early === undefined ? HEAD.length - cut : HEAD.length })
  }
})

test('a response that ends with its connection is not chunked', () => {
  const head = Buffer.from('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n')
  assert.deepEqual(new HeadReader().read(head, head.length)?.head, { status: 503, isChunked: false, isGzip: false })
})
