import { createHash } from 'node:crypto'
import { NAMES } from './entries.ts'

// The Lua scripts. Each writes either kept or ephemeral entries of an order, never both: a blocked XREAD is answered with one key only.

/** A script and the name under which Redis keeps it. */
export interface Script {
  readonly source: string
  readonly sha: string
}

function script (source: string): Script {
  return { source, sha: createHash('sha1').update(source).digest('hex') }
}

/** The beginning of an answer that is an error. The others are ids, or empty. */
export const ERROR = '!'

/** The number of arguments for each record: name and value of each field. */
const ARGUMENTS_PER_RECORD = 2 * NAMES.length

/**
 * Stores kept records of several orders.
 *
 * KEYS: for each order its stream and the stream of its ephemeral entries. ARGV, for each order: epoch, the offset before which entries are forgotten,
 * milliseconds until the order expires or 0, the number of records, the fields of each record.
 *
 * Returns for each order the id of its last record, an empty text if nothing was stored because the order is gone or has another epoch, or an error
 * after `!`.
 */
export const APPEND = script(`
local ids = {}
local at = 1
for order = 1, #KEYS / 2 do
  local key = KEYS[order * 2 - 1]
  local epoch, oldest, expiry, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  at = at + 4
  local id = ''
  for record = 1, count do
    local from = at + (record - 1) * ${ARGUMENTS_PER_RECORD}
    local added = redis.pcall('XADD', key, 'NOMKSTREAM', epoch .. '-*', unpack(ARGV, from, from + ${ARGUMENTS_PER_RECORD - 1}))
    if type(added) == 'table' and added.err and not string.find(added.err, 'equal or smaller', 1, true) then
      id = '${ERROR}' .. added.err
      break
    end
    if type(added) ~= 'string' then break end
    if added == epoch .. '-0' then
      redis.call('XDEL', key, added)
      break
    end
    id = added
  end
  if string.match(id, '^%d') then
    redis.call('XTRIM', key, 'MINID', '~', epoch .. '-' .. oldest)
    if expiry > 0 then
      redis.call('PEXPIRE', key, expiry)
      redis.call('PEXPIRE', KEYS[order * 2], expiry)
    else
      redis.call('PERSIST', key)
      redis.call('PERSIST', KEYS[order * 2])
    end
  end
  ids[order] = id
  at = at + count * ${ARGUMENTS_PER_RECORD}
end
return ids
`)

/**
 * Stores ephemeral records of several orders. The id of each has its number, and the offset of the newest kept entry.
 *
 * KEYS, ARGV and the result as for `APPEND`, but instead of the offset the number of entries to keep.
 */
export const APPEND_EPHEMERAL = script(`
local function last(key)
  if redis.call('EXISTS', key) == 0 then return 0, 0 end
  local info = redis.call('XINFO', 'STREAM', key)
  for field = 1, #info, 2 do
    if info[field] == 'last-generated-id' then return string.match(info[field + 1], '^(%d+)-(%d+)$') end
  end
end
local ids = {}
local at = 1
for order = 1, #KEYS / 2 do
  local kept, ephemeral = KEYS[order * 2 - 1], KEYS[order * 2]
  local epoch, most, expiry, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  at = at + 4
  ids[order] = ''
  local present, offset = last(kept)
  if present == epoch then
    local number = tonumber((last(ephemeral)))
    local problem
    for record = 1, count do
      local from = at + (record - 1) * ${ARGUMENTS_PER_RECORD}
      local id = string.format('%.0f-%s', number + record, offset)
      local added = redis.pcall('XADD', ephemeral, 'MAXLEN', '~', most, id, unpack(ARGV, from, from + ${ARGUMENTS_PER_RECORD - 1}))
      if type(added) == 'table' and added.err then
        problem = '${ERROR}' .. added.err
        break
      end
    end
    if expiry > 0 then
      redis.call('PEXPIRE', kept, expiry)
      redis.call('PEXPIRE', ephemeral, expiry)
    end
    ids[order] = problem or epoch .. '-' .. offset
  end
  at = at + count * ${ARGUMENTS_PER_RECORD}
end
return ids
`)

/**
 * Begins an epoch, unless the order has another one than expected.
 *
 * KEYS: the stream of the order, the stream of its ephemeral entries. ARGV: the present epoch, empty if there is no order; the new epoch; the token;
 * milliseconds until the order expires or 0.
 */
export const BEGIN = script(`
local present = ''
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for field = 1, #info, 2 do if info[field] == 'last-generated-id' then present = string.match(info[field + 1], '^%d+') end end
end
if present ~= ARGV[1] then return 0 end
redis.call('XADD', KEYS[1], ARGV[2] .. '-0', 't', ARGV[3])
if tonumber(ARGV[4]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[4]) else redis.call('PERSIST', KEYS[1]) end
redis.call('DEL', KEYS[2])
return 1
`)

/**
 * Reads the states of orders, and puts off the expiry of those that would expire soon.
 *
 * KEYS: for each order its stream and the stream of its ephemeral entries. ARGV, for each order: the id whose token is wanted, or an empty text for
 * the newest; milliseconds until the order expires or 0, and the least of them that may be left.
 *
 * Returns for each order the id of the newest entry that it ever had, the id of its oldest entry, the token, and the id of the newest ephemeral entry
 * that it ever had; or nothing if it does not exist.
 */
export const LOOK = script(`
local function read(key)
  local info = redis.call('XINFO', 'STREAM', key)
  local found = {}
  for field = 1, #info, 2 do found[info[field]] = info[field + 1] end
  return found
end
local states = {}
for order = 1, #KEYS / 2 do
  local kept, ephemeral = KEYS[order * 2 - 1], KEYS[order * 2]
  states[order] = {}
  if redis.call('EXISTS', kept) == 1 then
    local info = read(kept)
    local head, first = info['last-generated-id'], info['first-entry']
    local at, expiry, least = ARGV[order * 3 - 2], tonumber(ARGV[order * 3 - 1]), tonumber(ARGV[order * 3])
    local id = at == '' and head or at
    local entry = redis.call('XRANGE', kept, id, id)[1]
    local token = entry and entry[2][1] == 't' and entry[2][2] or ''
    local newest = redis.call('EXISTS', ephemeral) == 1 and read(ephemeral)['last-generated-id'] or '0-0'
    states[order] = { head, first and first[1] or '', token, newest }
    local left = redis.call('PTTL', kept)
    if expiry > 0 and left >= 0 and left < least then
      redis.call('PEXPIRE', kept, expiry)
      redis.call('PEXPIRE', ephemeral, expiry)
    end
  end
end
return states
`)

export const SCRIPTS: readonly Script[] = [APPEND, APPEND_EPHEMERAL, BEGIN, LOOK]
