import type { Workload } from '../driver/workload.ts'
import { burst } from './burst.ts'
import { channels } from './channels.ts'
import { compression } from './compression.ts'
import { connects } from './connects.ts'
import { fanOut } from './fan-out.ts'
import { http2 } from './http2.ts'
import { idle } from './idle.ts'
import { brokerLatency, brokerOverload, crowd, latency, overload, stalled } from './paced.ts'
import type { Scale } from './scale.ts'
import { tokens } from './tokens.ts'

/** Makes all workloads, in the order of their keys. */
export function workloadsOf (scale: Scale): readonly Workload[] {
  const all = [
    fanOut, latency, overload, crowd, idle, channels, connects, stalled, burst, compression, http2,
    brokerLatency, brokerOverload, tokens
  ]
  return all.map((workload) => workload(scale))
}
