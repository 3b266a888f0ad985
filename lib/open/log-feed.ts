import type { Cursor } from '../cursor/cursor.ts'
import { LogCursor } from '../cursor/log-cursor.ts'
import { place, startingPoint, type AfterGap, type StartingPoint } from '../cursor/placement.ts'
import type { Views } from '../cursor/views.ts'
import type { Log } from '../log/log.ts'
import type { DeliveryPump } from '../subscribers/delivery-owner.ts'
import type { CatchingUp } from './catching-up.ts'
import type { Feed, Placed, Start } from './feed.ts'

interface LogFeedParts {
  readonly log: Log
  readonly views: Views
  readonly pump: DeliveryPump
  readonly catchingUp: CatchingUp
  readonly afterGap: AfterGap
  /** True: a reader that accepts gzip gets it. */
  readonly compresses: boolean
}

/** The log of the hub, as streams are opened on it. */
export class LogFeed implements Feed {
  readonly #parts: LogFeedParts

  constructor (parts: LogFeedParts) {
    this.#parts = parts
  }

  get pump (): DeliveryPump { return this.#parts.pump }

  get compresses (): boolean { return this.#parts.compresses }

  startingPoint (from: string | undefined): StartingPoint {
    return startingPoint(this.#parts.log, from)
  }

  wait (eventId: string): Promise<void> | undefined {
    return this.#parts.catchingUp.wait(eventId)
  }

  hasAll (): boolean {
    return false
  }

  place ({ at, channels, coding }: Start): Placed {
    const { log, views, afterGap } = this.#parts
    const view = views.acquire(channels, coding)
    const { cursor, ...gap } = place(log, view, at, afterGap)
    return { cursor: new LogCursor(log, views, view, cursor), ...gap }
  }

  placeClosed (channels: readonly string[]): Cursor {
    const { log, views } = this.#parts
    return new LogCursor(log, views, views.acquire(channels), log.head)
  }

  opened (): void {}
}
