// A heartbeat comes after 75 to 87.5 % of its interval, so that it is in time even if the clock ticks late.
const FROM = 0.75
const SPREAD = 0.125

/**
 * True if a stream has been silent for so long that a heartbeat is due.
 *
 * @param silence Milliseconds since the stream fell silent.
 * @param interval The option `heartbeatInterval`; Infinity: never.
 * @param drawn The random number of the stream, from 0 to 1: streams that fell silent together do not all send in the same moment.
 */
export function isHeartbeatDue (silence: number, interval: number, drawn: number): boolean {
  return silence >= interval * (FROM + SPREAD * drawn)
}
