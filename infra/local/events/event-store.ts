import { randomUUID } from 'node:crypto';
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { UsageError } from '../../usage-error.ts';

/** What a queue of the template is like, in this store's own terms. */
export interface QueueSettings {
  readonly name: string;
  readonly delaySeconds: number;
  readonly visibilityTimeoutSeconds: number;
  /** Where a message goes that was received `receives` times; none of both for a dead-letter queue itself. */
  readonly deadLetters: string | undefined;
  readonly maxReceiveCount: number | undefined;
  /** Whether this is where commands are sent. */
  readonly isCommandQueue: boolean;
}

/** A message in a queue. */
export interface QueueMessage {
  readonly id: string;
  readonly queue: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** In milliseconds since the epoch. */
  readonly sentAt: number;
  /** How often it was received. */
  readonly receiveCount: number;
}

/** An event that was published on a bus. */
export interface PublishedEvent {
  /** Its place in the log. */
  readonly position: number;
  readonly bus: string;
  readonly source: string;
  readonly type: string;
  readonly detail: string;
}

/** An event with the queues that the rules of its bus send it to. */
export interface RoutedEvent extends Omit<PublishedEvent, 'position'> {
  readonly queues: readonly string[];
}

// NORMAL waits for the disk at a checkpoint only. The end of a process loses nothing, because the operating system has the
// log. A power failure can undo the last transactions, but from the last one backwards: a position in a stream never outlives
// the events and messages that were stored before it, so the records behind it are read again.
const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA busy_timeout = 5000;
  CREATE TABLE IF NOT EXISTS queues (
    name TEXT PRIMARY KEY, delay INTEGER, visibility INTEGER, dead_letters TEXT, receives INTEGER, takes_commands INTEGER
  ) STRICT;
  CREATE TABLE IF NOT EXISTS messages (
    id TEXT PRIMARY KEY, queue TEXT, body TEXT, attributes TEXT, sent_at INTEGER, visible_at INTEGER, receives INTEGER
  ) STRICT;
  CREATE INDEX IF NOT EXISTS messages_in_turn ON messages (queue, visible_at);
  CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY AUTOINCREMENT, bus TEXT, source TEXT, type TEXT, detail TEXT
  ) STRICT;
  CREATE TABLE IF NOT EXISTS positions (stream TEXT PRIMARY KEY, after TEXT) STRICT;
`;

type Row = Readonly<Record<string, SQLOutputValue | undefined>>;

/**
 * The queues, the buses' logs and the positions in streams of the local server, in one file. What a method has returned
 * from survives the sudden end of its process; several processes can use the file at a time.
 */
export class EventStore {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Opens the file, and creates it if there is none.
   *
   * @throws Refusal if it is damaged or cannot be used for another reason
   */
  constructor(file: string) {
    try {
      this.#database = new DatabaseSync(file);
      this.#database.exec(schema);
      const [fault] = Object.values(this.#database.prepare('PRAGMA quick_check(1)').get() ?? {});
      if (fault !== 'ok') throw new Error('database disk image is malformed');
    } catch (error) {
      throw new UsageError(
        `The file ${file} cannot be used (${(error as Error).message}): remove it, with all queues and the log of events in it, or set DATA_DIR to another folder.`,
        { cause: error },
      );
    }
  }

  close(): void {
    this.#database.close();
  }

  /**
   * Sets up the queues, for the one process that receives from them: what another one received and did not finish
   * before it ended can be received at once.
   */
  configureQueues(queues: readonly QueueSettings[], now = Date.now()): void {
    this.#transact(() => {
      this.#run('DELETE FROM queues');
      for (const {
        name,
        delaySeconds,
        visibilityTimeoutSeconds,
        deadLetters,
        maxReceiveCount,
        isCommandQueue,
      } of queues) {
        this.#run(
          'INSERT INTO queues VALUES (?, ?, ?, ?, ?, ?)',
          name,
          delaySeconds,
          visibilityTimeoutSeconds,
          deadLetters ?? null,
          maxReceiveCount ?? null,
          Number(isCommandQueue),
        );
      }
      this.#run('UPDATE messages SET visible_at = ? WHERE receives > 0 AND visible_at > ?', now, now);
    });
  }

  /** The queues as they were set up, none where no server has run on this file. */
  queues(): readonly QueueSettings[] {
    return this.#all('SELECT * FROM queues ORDER BY name').map((row) => ({
      name: textOf(row['name']),
      delaySeconds: Number(row['delay']),
      visibilityTimeoutSeconds: Number(row['visibility']),
      deadLetters: row['dead_letters'] == null ? undefined : textOf(row['dead_letters']),
      maxReceiveCount: row['receives'] == null ? undefined : Number(row['receives']),
      isCommandQueue: row['takes_commands'] === 1,
    }));
  }

  /** Puts a message into a queue and returns its id. */
  send(queue: string, body: string, attributes: Readonly<Record<string, string>> = {}, now = Date.now()): string {
    const id = randomUUID();
    const [settings] = this.#all('SELECT delay FROM queues WHERE name = ?', queue);
    const visibleAt = now + Number(settings?.['delay'] ?? 0) * 1000;
    const text = JSON.stringify(attributes);
    this.#run('INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, 0)', id, queue, body, text, now, visibleAt);
    return id;
  }

  /**
   * Takes the next messages of a queue, which nobody gets again until its visibility timeout is over or they are
   * deleted. One that was received too often goes to the dead-letter queue instead.
   */
  pollQueue(queue: string, atMost: number, now = Date.now()): readonly QueueMessage[] {
    return this.#transact(() => {
      const [settings] = this.#all('SELECT * FROM queues WHERE name = ?', queue);
      if (settings?.['dead_letters'] != null) {
        this.#run(
          'UPDATE messages SET queue = ?, receives = 0, visible_at = ? WHERE queue = ? AND visible_at <= ? AND receives >= ?',
          textOf(settings['dead_letters']),
          now,
          queue,
          now,
          Number(settings['receives']),
        );
      }
      const rows = this.#all(
        'SELECT * FROM messages WHERE queue = ? AND visible_at <= ? ORDER BY visible_at, sent_at LIMIT ?',
        queue,
        now,
        atMost,
      );
      const again = now + Number(settings?.['visibility'] ?? 30) * 1000;
      for (const row of rows) {
        this.#run('UPDATE messages SET visible_at = ?, receives = receives + 1 WHERE id = ?', again, textOf(row['id']));
      }
      return rows.map((row) => messageOf(row, 1));
    });
  }

  /** Takes a message out of its queue for good. */
  delete(id: string): void {
    this.#run('DELETE FROM messages WHERE id = ?', id);
  }

  /** All messages of a queue, oldest first, without receiving them. */
  messages(queue: string): readonly QueueMessage[] {
    return this.#all('SELECT * FROM messages WHERE queue = ? ORDER BY sent_at', queue).map((row) => messageOf(row, 0));
  }

  /** Moves a message to another queue, where it can be received at once as if for the first time. */
  move(id: string, queue: string, now = Date.now()): void {
    this.#run('UPDATE messages SET queue = ?, receives = 0, visible_at = ? WHERE id = ?', queue, now, id);
  }

  /** Adds events to the log of the buses, and messages to the queues that rules send them to: all of them or none. */
  publish(events: readonly RoutedEvent[]): void {
    this.#transact(() => {
      for (const { bus, source, type, detail, queues } of events) {
        this.#run('INSERT INTO events (bus, source, type, detail) VALUES (?, ?, ?, ?)', bus, source, type, detail);
        for (const queue of queues) this.send(queue, detail);
      }
    });
  }

  /** The events behind a place in the log, oldest first. */
  eventsAfter(position: number, atMost = 1000): readonly PublishedEvent[] {
    return this.#all('SELECT * FROM events WHERE position > ? ORDER BY position LIMIT ?', position, atMost).map(
      (row) => ({
        position: Number(row['position']),
        bus: textOf(row['bus']),
        source: textOf(row['source']),
        type: textOf(row['type']),
        detail: textOf(row['detail']),
      }),
    );
  }

  /** The place of the last event, 0 where there is none. */
  lastPosition(): number {
    return Number(this.#all('SELECT max(position) AS last FROM events')[0]?.['last'] ?? 0);
  }

  /** The sequence number of the last record of a stream that is done with, or undefined for a stream never read. */
  positionIn(stream: string): string | undefined {
    const [row] = this.#all('SELECT after FROM positions WHERE stream = ?', stream);
    return row && textOf(row['after']);
  }

  savePosition(stream: string, after: string): void {
    this.#run('INSERT OR REPLACE INTO positions VALUES (?, ?)', stream, after);
  }

  #transact<Result>(act: () => Result): Result {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = act();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepared(sql).all(...values);
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#prepared(sql).run(...values);
  }

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, known);
    return known;
  }
}

const messageOf = (row: Row, moreReceives: number): QueueMessage => ({
  id: textOf(row['id']),
  queue: textOf(row['queue']),
  body: textOf(row['body']),
  attributes: JSON.parse(textOf(row['attributes'])) as Record<string, string>,
  sentAt: Number(row['sent_at']),
  receiveCount: Number(row['receives']) + moreReceives,
});

/** A column of the kind TEXT. */
const textOf = (value: SQLOutputValue | undefined): string => (typeof value === 'string' ? value : '');
