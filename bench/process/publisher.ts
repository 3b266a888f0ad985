import type { Contestant, Plan } from '../contract.ts'
import { now, Payloads } from './payloads.ts'

type Pace = Extract<Plan, { kind: 'pace' }>
type Turns = Extract<Plan, { kind: 'turns' }>

/** Publishes by plans, one plan at a time. */
export class Publisher {
  readonly #publish: Contestant['publish']
  readonly #payloads = new Payloads()
  #turn: (() => void) | undefined
  published = 0

  constructor (publish: Contestant['publish']) {
    this.#publish = publish
  }

  /** @returns The number of published events. */
  async run (plan: Plan): Promise<number> {
    if (plan.kind === 'pace') return this.#pace(plan)
    if (plan.kind === 'turns') return this.#turns(plan)
    for (let i = 0; i < plan.count; i++) this.#one(plan.bytes, undefined)
    return plan.count
  }

  /** Publishes the next event of a plan of the kind `turns`. */
  next (): void {
    this.#turn?.()
  }

  #pace ({ perSecond, seconds, bytes, channels = 0 }: Pace): Promise<number> {
    const count = Math.round(perSecond * seconds)
    const gap = 1000 / perSecond
    const began = now()
    let done = 0
    return new Promise((resolve) => {
      const publishDue = (): void => {
        const due = Math.min(count, Math.floor((now() - began) / gap) + 1)
        while (done < due) this.#one(bytes, channelOf(done++, channels))
        if (done === count) resolve(count)
        else setTimeout(publishDue, Math.ceil(began + done * gap - now()))
      }
      publishDue()
    })
  }

  #turns ({ count, bytes, channels }: Turns): Promise<number> {
    let done = 0
    return new Promise((resolve) => {
      this.#turn = () => {
        this.#one(bytes, channelOf(done++, channels))
        if (done < count) return
        this.#turn = undefined
        resolve(count)
      }
    })
  }

  #one (bytes: number, channel: string | undefined): void {
    this.#publish(this.#payloads.next(channel, bytes), channel)
    this.published++
  }
}

function channelOf (index: number, channels: number): string | undefined {
  return channels === 0 ? undefined : `c${index % channels}`
}
