import type { Crowd } from './messages.ts'

export function pathOf ({ path, channels }: Pick<Crowd, 'path' | 'channels'>, reader: number): string {
  return channels === 0 ? path : `${path}c${reader % channels}`
}

export function requestOf (crowd: Pick<Crowd, 'port' | 'path' | 'channels' | 'gzip'>, reader: number): string {
  return `GET ${pathOf(crowd, reader)} HTTP/1.1\r\nHost: 127.0.0.1:${crowd.port}\r\nAccept: text/event-stream\r\n${crowd.gzip ? 'Accept-Encoding: gzip\r\n' : ''}\r\n`
}
