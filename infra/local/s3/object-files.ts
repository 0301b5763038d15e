import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

/** Bytes in a file that no object or upload refers to yet. */
export interface StoredFile {
  readonly file: string;
  readonly size: number;
  /** In hexadecimal. */
  readonly md5: string;
}

/** An object to make visible. */
export interface NewObject {
  readonly key: string;
  readonly size: number;
  /** Without quotes. */
  readonly tag: string;
  readonly contentType: string;
}

/** A visible object. */
export interface StoredObject extends NewObject {
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

/** An upload in parts that is not complete. */
export interface MultipartUpload {
  readonly contentType: string;
  /** The parts by number. */
  readonly parts: ReadonlyMap<number, StoredFile>;
}

// FULL: a row that refers to a file is on the disk before S3 acknowledges it. A file is there before its row.
const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS uploads (id TEXT PRIMARY KEY, bucket TEXT, key TEXT, type TEXT, started_at INTEGER) STRICT;
  CREATE TABLE IF NOT EXISTS parts (
    upload TEXT, number INTEGER, file TEXT, size INTEGER, md5 TEXT, PRIMARY KEY (upload, number)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT, key TEXT, upload TEXT, size INTEGER, tag TEXT, type TEXT, modified_at INTEGER, PRIMARY KEY (bucket, key)
  ) STRICT;
`;

const objectColumns = 'key, size, tag, type AS contentType, modified_at AS modifiedAt';

/** Collects files that no row refers to after a transaction. */
type Unused = StoredFile[];

/** Time after which an incomplete upload is removed: that of the lifecycle rule of the deployed bucket. */
const uploadRetentionMilliseconds = 24 * 60 * 60 * 1000;

/**
 * The objects of all buckets, in a folder: their bytes in files, everything else in a database. An object is a list of
 * the files of its parts, so completing an upload copies nothing.
 *
 * A kill at any point leaves acknowledged objects and parts complete, and makes nothing else visible. Files without an
 * owner and uploads that are older than a day are removed when the folder is opened.
 */
export class ObjectFiles {
  readonly #folder: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Number of readers by file. A file that is replaced or deleted is kept for them. */
  readonly #readers = new Map<string, number>();
  readonly #unused = new Set<string>();

  constructor(folder: string) {
    this.#folder = join(folder, 'files');
    mkdirSync(this.#folder, { recursive: true });
    this.#database = new DatabaseSync(join(folder, 'objects.sqlite'));
    this.#database.exec(schema);
    this.#run('DELETE FROM uploads WHERE started_at < ?', Date.now() - uploadRetentionMilliseconds);
    this.#run('DELETE FROM parts WHERE upload NOT IN (SELECT id FROM uploads UNION ALL SELECT upload FROM objects)');
    const files = new Set(this.#all<{ file: string }>('SELECT file FROM parts').map(({ file }) => file));
    for (const file of readdirSync(this.#folder)) if (!files.has(file)) rmSync(join(this.#folder, file));
  }

  close(): void {
    this.#database.close();
  }

  /** Writes bytes to a file and waits until they are on the disk. The file is removed if reading the bytes fails. */
  async write(bytes: AsyncIterable<Uint8Array>): Promise<StoredFile> {
    const file = randomUUID();
    const md5 = createHash('md5');
    let size = 0;
    const handle = await open(join(this.#folder, file), 'wx');
    try {
      for await (const chunk of bytes) {
        md5.update(chunk);
        size += chunk.length;
        await handle.writeFile(chunk);
      }
      await handle.sync();
    } catch (error) {
      this.discard({ file });
      throw error;
    } finally {
      await handle.close();
    }
    await this.#syncFolder();
    return { file, size, md5: md5.digest('hex') };
  }

  /** Removes a file that no object or upload refers to. */
  discard({ file }: Pick<StoredFile, 'file'>): void {
    if (this.#readers.has(file)) this.#unused.add(file);
    else rmSync(join(this.#folder, file), { force: true });
  }

  /** Makes one file visible as an object, which replaces an object of the same key. */
  put(bucket: string, key: string, contentType: string, file: StoredFile): void {
    const upload = randomUUID();
    this.#change((unused) => {
      this.#insertPart(upload, 1, file);
      this.#replace(bucket, { key, size: file.size, tag: file.md5, contentType }, upload, unused);
    });
  }

  find(bucket: string, key: string): StoredObject | undefined {
    return this.#all<StoredObject>(`SELECT ${objectColumns} FROM objects WHERE bucket = ? AND key = ?`, bucket, key)[0];
  }

  /** Returns at most `limit` objects whose keys begin with a prefix and come after a key, in the order of their bytes. */
  list(bucket: string, prefix: string, after: string, limit: number): readonly StoredObject[] {
    return this.#all<StoredObject>(
      `SELECT ${objectColumns} FROM objects WHERE bucket = ? AND key > ? AND substr(key, 1, length(?)) = ?
       ORDER BY key LIMIT ?`,
      ...[bucket, after, prefix, prefix, limit],
    );
  }

  /**
   * Returns bytes of the object as it is at the time of the call, even if it is replaced or deleted meanwhile. The
   * bytes must be read, or the generator closed, so that the files can be removed.
   *
   * @param end - position of the last byte
   */
  read(bucket: string, key: string, start: number, end: number): AsyncGenerator<Buffer> {
    const files = this.#all<StoredFile>(
      `SELECT file, parts.size, md5 FROM parts JOIN objects USING (upload) WHERE bucket = ? AND key = ? ORDER BY number`,
      ...[bucket, key],
    );
    for (const { file } of files) this.#readers.set(file, (this.#readers.get(file) ?? 0) + 1);
    return this.#readFiles(files, start, end);
  }

  /** Deletes an object if it exists. */
  delete(bucket: string, key: string): void {
    this.#change((unused) => this.#remove(bucket, key, unused));
  }

  /** Starts an upload and returns its id. */
  startUpload(bucket: string, key: string, contentType: string): string {
    const id = randomUUID();
    this.#run('INSERT INTO uploads VALUES (?, ?, ?, ?, ?)', ...[id, bucket, key, contentType, Date.now()]);
    return id;
  }

  findUpload(id: string, bucket: string, key: string): MultipartUpload | undefined {
    const [upload] = this.#all<{ contentType: string }>(
      'SELECT type AS contentType FROM uploads WHERE id = ? AND bucket = ? AND key = ?',
      ...[id, bucket, key],
    );
    if (upload === undefined) return undefined;
    const parts = this.#all<StoredFile & { number: number }>(
      'SELECT number, file, size, md5 FROM parts WHERE upload = ? ORDER BY number',
      id,
    );
    return { ...upload, parts: new Map(parts.map(({ number, ...file }) => [number, file])) };
  }

  /** Adds a part to an upload, which replaces a part of the same number. Returns false if there is no such upload. */
  putPart(id: string, bucket: string, key: string, number: number, file: StoredFile): boolean {
    return this.#change((unused) => {
      const upload = this.findUpload(id, bucket, key);
      if (upload === undefined) return false;
      unused.push(...[upload.parts.get(number)].filter((part) => part !== undefined));
      this.#insertPart(id, number, file);
      return true;
    });
  }

  /** Makes the named parts of an upload visible as an object, and removes its other parts. */
  completeUpload(id: string, bucket: string, object: NewObject, partNumbers: ReadonlySet<number>): void {
    this.#change((unused) => {
      for (const [number, file] of this.findUpload(id, bucket, object.key)?.parts ?? []) {
        if (partNumbers.has(number)) continue;
        this.#run('DELETE FROM parts WHERE upload = ? AND number = ?', id, number);
        unused.push(file);
      }
      this.#run('DELETE FROM uploads WHERE id = ?', id);
      this.#replace(bucket, object, id, unused);
    });
  }

  /** Decides whether the object under the key is the result of an upload. */
  isCompleted(id: string, bucket: string, key: string): boolean {
    return (
      this.#all('SELECT 1 FROM objects WHERE bucket = ? AND key = ? AND upload = ?', ...[bucket, key, id]).length > 0
    );
  }

  /** Removes an upload with its parts. Returns false if there is no such upload. */
  abortUpload(id: string, bucket: string, key: string): boolean {
    return this.#change((unused) => {
      const upload = this.findUpload(id, bucket, key);
      if (upload === undefined) return false;
      this.#run('DELETE FROM uploads WHERE id = ?', id);
      this.#run('DELETE FROM parts WHERE upload = ?', id);
      unused.push(...upload.parts.values());
      return true;
    });
  }

  async *#readFiles(files: readonly StoredFile[], start: number, end: number): AsyncGenerator<Buffer> {
    try {
      let offset = 0;
      for (const { file, size } of files) {
        const range = { start: Math.max(0, start - offset), end: Math.min(size - 1, end - offset) };
        offset += size;
        if (range.start > range.end) continue;
        yield* createReadStream(join(this.#folder, file), {
          ...range,
          highWaterMark: 256 * 1024,
        }) as AsyncIterable<Buffer>;
      }
    } finally {
      for (const { file } of files) this.#endReading(file);
    }
  }

  #endReading(file: string): void {
    const remaining = this.#readers.get(file)! - 1;
    if (remaining > 0) return void this.#readers.set(file, remaining);
    this.#readers.delete(file);
    if (this.#unused.delete(file)) this.discard({ file });
  }

  #replace(bucket: string, object: NewObject, upload: string, unused: Unused): void {
    this.#remove(bucket, object.key, unused);
    const { key, size, tag, contentType } = object;
    this.#run(
      'INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)',
      ...[bucket, key, upload, size, tag, contentType, Date.now()],
    );
  }

  #remove(bucket: string, key: string, unused: Unused): void {
    const [object] = this.#all<{ upload: string }>(
      'SELECT upload FROM objects WHERE bucket = ? AND key = ?',
      ...[bucket, key],
    );
    if (object === undefined) return;
    unused.push(...this.#all<StoredFile>('SELECT file, size, md5 FROM parts WHERE upload = ?', object.upload));
    this.#run('DELETE FROM objects WHERE bucket = ? AND key = ?', bucket, key);
    this.#run('DELETE FROM parts WHERE upload = ?', object.upload);
  }

  #insertPart(upload: string, number: number, { file, size, md5 }: StoredFile): void {
    this.#run('INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?)', ...[upload, number, file, size, md5]);
  }

  /** Runs a transaction, then removes the files that it collects: their rows must be gone first. */
  #change<Result>(change: (unused: Unused) => Result): Result {
    const unused: StoredFile[] = [];
    this.#database.exec('BEGIN IMMEDIATE');
    let result: Result;
    try {
      result = change(unused);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
    for (const file of unused) this.discard(file);
    return result;
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#statement(sql).run(...values);
  }

  #all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  #statement(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** Waits until the names of new files are on the disk. */
  async #syncFolder(): Promise<void> {
    const folder = await open(this.#folder, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}
