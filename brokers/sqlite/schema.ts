import type { Database } from './driver.ts'
import { transact } from './transactions.ts'

/** The version of the tables. A change that older versions of this plugin cannot read or write increases it. */
const FORMAT = 1

/** The names of the tables. */
export interface Tables {
  readonly format: string
  readonly orders: string
  readonly records: string
}

/** The file, or the tables in it, are not for this broker. It will not go away. */
export class WrongFile extends Error {}

export function tablesOf (prefix: string): Tables {
  return { format: `${prefix}_format`, orders: `${prefix}_orders`, records: `${prefix}_records` }
}

/**
 * Prepares a connection, and creates the tables unless they exist.
 *
 * @throws WrongFile, or an error of SQLite.
 */
export function prepareDatabase (database: Database, tables: Tables, synchronous: 'normal' | 'full'): void {
  database.exec('pragma busy_timeout = 0')
  const mode = database.prepare('pragma journal_mode = wal').get()?.journal_mode
  if (mode !== 'wal') throw new WrongFile(`its file system has no write-ahead log, but the journal mode "${mode}"`)
  database.exec(`pragma synchronous = ${synchronous}`)
  // Takes the lock even if there is nothing to create, so that a file that cannot be written is found now.
  transact(database, () => {
    const found = database.prepare("select name from sqlite_schema where type = 'table' and name in (?, ?, ?)").all(...Object.values(tables) as string[])
    if (found.length === 0) return createTables(database, tables)
    const version = found.length === 3 ? database.prepare(`select * from ${tables.format}`).get()?.version : undefined
    if (typeof version !== 'number') throw new WrongFile(`its tables "${found.map(({ name }) => name).join('", "')}" are not of this broker ("prefix")`)
    if (version > FORMAT) throw new WrongFile(`its tables have the format ${version} of a newer version of fastify-typed-sse; this one knows ${FORMAT}`)
  })
}

function createTables (database: Database, { format, orders, records }: Tables): void {
  database.exec(`
    create table ${format} (version integer not null) strict;
    insert into ${format} values (${FORMAT});

    -- name: null once the order is removed, while its records are being deleted. AUTOINCREMENT: a later order must not get their id.
    -- head: the offset of the newest kept record. floor: the offset before the oldest one. expires: milliseconds since 1970; null: never.
    -- forgotten: the seq of the newest ephemeral record that was deleted.
    create table ${orders} (
      id integer primary key autoincrement, name text unique, epoch integer not null, head integer not null, floor integer not null, expires integer,
      forgotten integer not null default 0
    ) strict;
    create index ${orders}_forgotten on ${orders} (forgotten);
    create index ${orders}_expires on ${orders} (expires) where expires is not null;

    -- seq: one sequence for all orders, so that one query finds what is new in any of them. AUTOINCREMENT: a number must not come again.
    -- offset: for an ephemeral record that of the kept record before it. The record that begins an epoch has the offset 0, and only a token.
    create table ${records} (
      seq integer primary key autoincrement, order_id integer not null, epoch integer not null, offset integer not null, ephemeral integer not null,
      publisher text, counter integer, time integer, channels text, id any, key any, body any
    ) strict;
    -- Ends with seq, as every index does: the order in which the entries of one order arrive.
    create index ${records}_place on ${records} (order_id, epoch, offset);
    create index ${records}_ephemeral on ${records} (ephemeral) where ephemeral = 1;
  `)
}
