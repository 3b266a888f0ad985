import { parsePosition } from '../broker/position.ts'
import { demand } from '../option-rules.ts'
import { FINAL_ID, RESERVED_PREFIX } from '../wire/plugin-events.ts'

const PRINTABLE_ID = /^[!-~](?:[ -~]{0,254}[!-~])?$/

/**
 * Checks an id that the application gives an event.
 *
 * @param withIds False if events have no ids, because `history` is false.
 * @throws FST_SSE_OPTION_INVALID
 */
export function checkCustomId (id: string, withIds: boolean): void {
  demand(withIds, 'broadcast.id', 'absent if "history" is false, because events then have no ids', id)
  demand(typeof id === 'string' && PRINTABLE_ID.test(id), 'broadcast.id', '1 to 256 printable ASCII characters, no space at either end', id)
  demand(parsePosition(id) === undefined && !id.startsWith(RESERVED_PREFIX), 'broadcast.id',
    `different from the plugin's own ids, such as "${FINAL_ID}" or a position`, id)
  demand(id !== 'head' && id !== 'oldest', 'broadcast.id', 'neither "head" nor "oldest", because these name positions', id)
}
