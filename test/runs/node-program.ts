import type { RunStatus, SsePluginOptions } from '../../plugin.ts'
import { obey } from '../faults/program.ts'
import { startRunNode, startWords, type EngineChoice, type RunNode, type Words } from './run-node.ts'

// A node with runs in a process of its own.

let node: RunNode

export const commands = {
  async listen (choice: EngineChoice, options: SsePluginOptions = {}): Promise<number> {
    node = await startRunNode(choice, options)
    return node.port
  },
  start: (words: Words): Promise<string> => startWords(node.app, words),
  status: (id: string): Promise<RunStatus> => node.app.sse.runs.status(id),
  stop: (id: string): Promise<boolean> => node.app.sse.runs.stop(id) as Promise<boolean>,
  /** Blocks the event loop. */
  block (milliseconds: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
  },
  close: (): Promise<void> => node.app.close() as Promise<void>
}

obey(commands)
