import { randomUUID } from 'node:crypto';
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { UsageError } from '../../usage-error.ts';

/** The settings of a queue of the template. */
export interface QueueSettings {
  readonly name: string;
  readonly delaySeconds: number;
  readonly visibilityTimeoutSeconds: number;
  /** Name of the dead-letter queue; undefined if the queue has none, such as a dead-letter queue itself. */
  readonly deadLetters: string | undefined;
  /** Number of receives after which a message moves to the dead-letter queue. */
  readonly maxReceiveCount: number | undefined;
  /** True for the queue that receives commands. */
  readonly isCommandQueue: boolean;
}

/** A message in a queue. */
export interface QueueMessage {
  readonly id: string;
  readonly queue: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly sentAt: number;
  /** Number of times that the message was received. */
  readonly receiveCount: number;
}

/** An event that was published on a bus. */
export interface PublishedEvent {
  /** Position in the log, counted from 1 over all buses. */
  readonly position: number;
  readonly bus: string;
  readonly source: string;
  readonly type: string;
  readonly detail: string;
}

/** An event with the queues that the rules of its bus select. */
export interface RoutedEvent extends Omit<PublishedEvent, 'position'> {
  readonly queues: readonly string[];
}

// NORMAL waits for the disk only at a checkpoint. A killed process loses nothing, because the operating system has the
// log. A power failure can undo the most recent transactions, in reverse order: a stream position is never kept without
// the events and messages that were stored before it, so the stream is read again from an older position.
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
 * The local server's queues, event logs and stream positions in one file. A change is durable when its method returns,
 * even if the process is killed immediately after. Several processes can use the file at the same time.
 */
export class EventStore {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Opens the file, or creates it if it does not exist.
   *
   * @throws UsageError if the file is damaged or cannot be opened
   */
  constructor(file: string) {
    try {
      this.#database = new DatabaseSync(file);
      this.#database.exec(schema);
      const [integrity] = Object.values(this.#database.prepare('PRAGMA quick_check(1)').get() ?? {});
      if (integrity !== 'ok') throw new Error('database disk image is malformed');
    } catch (error) {
      throw new UsageError(
        `The file ${file} cannot be used (${(error as Error).message}): remove it, which deletes all queues and events, or set DATA_DIR to another folder.`,
        { cause: error },
      );
    }
  }

  close(): void {
    this.#database.close();
  }

  /**
   * Replaces the settings of all queues and makes received messages visible again. Only the process that receives from
   * the queues may call this: messages that an earlier process did not finish are received again immediately.
   */
  configureQueues(queues: readonly QueueSettings[], now = Date.now()): void {
    this.#transact(() => {
      this.#run('DELETE FROM queues');
      for (const queue of queues) {
        this.#run(
          'INSERT INTO queues VALUES (?, ?, ?, ?, ?, ?)',
          queue.name,
          queue.delaySeconds,
          queue.visibilityTimeoutSeconds,
          queue.deadLetters ?? null,
          queue.maxReceiveCount ?? null,
          Number(queue.isCommandQueue),
        );
      }
      this.#run('UPDATE messages SET visible_at = ? WHERE receives > 0 AND visible_at > ?', now, now);
    });
  }

  /** Returns the settings of all queues, by name; an empty list if no server has configured them. */
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

  /** Sends a message to a queue. Returns the message id. */
  send(queue: string, body: string, attributes: Readonly<Record<string, string>> = {}, now = Date.now()): string {
    const id = randomUUID();
    const [settings] = this.#all('SELECT delay FROM queues WHERE name = ?', queue);
    const visibleAt = now + Number(settings?.['delay'] ?? 0) * 1000;
    const text = JSON.stringify(attributes);
    this.#run('INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, 0)', id, queue, body, text, now, visibleAt);
    return id;
  }

  /**
   * Receives the next messages of a queue. They stay hidden for the queue's visibility timeout. Moves messages that
   * were received `maxReceiveCount` times to the dead-letter queue instead.
   */
  pollQueue(queue: string, maxMessages: number, now = Date.now()): readonly QueueMessage[] {
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
        maxMessages,
      );
      const visibleAt = now + Number(settings?.['visibility'] ?? 30) * 1000;
      for (const row of rows) {
        this.#run(
          'UPDATE messages SET visible_at = ?, receives = receives + 1 WHERE id = ?',
          visibleAt,
          textOf(row['id']),
        );
      }
      return rows.map((row) => ({ ...toMessage(row), receiveCount: Number(row['receives']) + 1 }));
    });
  }

  /** Deletes a message. */
  delete(id: string): void {
    this.#run('DELETE FROM messages WHERE id = ?', id);
  }

  /** Returns all messages of a queue, oldest first, without receiving them. */
  messages(queue: string): readonly QueueMessage[] {
    return this.#all('SELECT * FROM messages WHERE queue = ? ORDER BY sent_at', queue).map(toMessage);
  }

  /** Moves a message to another queue. The message is visible there immediately and its receive count is 0. */
  move(id: string, queue: string, now = Date.now()): void {
    this.#run('UPDATE messages SET queue = ?, receives = 0, visible_at = ? WHERE id = ?', queue, now, id);
  }

  /** Adds events to the log and sends their details to the selected queues, in one transaction. */
  publish(events: readonly RoutedEvent[]): void {
    this.#transact(() => {
      for (const { bus, source, type, detail, queues } of events) {
        this.#run('INSERT INTO events (bus, source, type, detail) VALUES (?, ?, ?, ?)', bus, source, type, detail);
        for (const queue of queues) this.send(queue, detail);
      }
    });
  }

  /** Returns the events after a position in the log, oldest first. */
  eventsAfter(position: number, maxEvents = 1000): readonly PublishedEvent[] {
    return this.#all('SELECT * FROM events WHERE position > ? ORDER BY position LIMIT ?', position, maxEvents).map(
      (row) => ({
        position: Number(row['position']),
        bus: textOf(row['bus']),
        source: textOf(row['source']),
        type: textOf(row['type']),
        detail: textOf(row['detail']),
      }),
    );
  }

  /** Returns the position of the last event; 0 if the log is empty. */
  lastPosition(): number {
    return Number(this.#all('SELECT max(position) AS last FROM events')[0]?.['last'] ?? 0);
  }

  /** Returns the sequence number of the last processed record; undefined if no record was processed. */
  positionIn(stream: string): string | undefined {
    const [row] = this.#all('SELECT after FROM positions WHERE stream = ?', stream);
    return row && textOf(row['after']);
  }

  /** Saves the sequence number of the last processed record. */
  savePosition(stream: string, after: string): void {
    this.#run('INSERT OR REPLACE INTO positions VALUES (?, ?)', stream, after);
  }

  #transact<Result>(change: () => Result): Result {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = change();
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
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

const toMessage = (row: Row): QueueMessage => ({
  id: textOf(row['id']),
  queue: textOf(row['queue']),
  body: textOf(row['body']),
  attributes: JSON.parse(textOf(row['attributes'])) as Record<string, string>,
  sentAt: Number(row['sent_at']),
  receiveCount: Number(row['receives']),
});

/** Returns the value of a TEXT column; an empty string for NULL. */
const textOf = (value: SQLOutputValue | undefined): string => (typeof value === 'string' ? value : '');
