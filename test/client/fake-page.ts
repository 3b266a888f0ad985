import type { Test } from 'tap'

/** Fake page events, which Node lacks: a page is shown, left and returned to. */
export class FakePage {
  readonly #window = new EventTarget()
  readonly #document = Object.assign(new EventTarget(), { visibilityState: 'visible' })

  constructor (t: Test) {
    const globals = {
      addEventListener: this.#window.addEventListener.bind(this.#window),
      document: this.#document
    }
    Object.assign(globalThis, globals)
    t.teardown(() => { for (const name of Object.keys(globals)) Reflect.deleteProperty(globalThis, name) })
  }

  show (): void { this.#document.dispatchEvent(new Event('visibilitychange')) }

  fire (type: 'online' | 'offline' | 'pagehide' | 'pageshow', persisted = true): void {
    this.#window.dispatchEvent(Object.assign(new Event(type), { persisted }))
  }
}
