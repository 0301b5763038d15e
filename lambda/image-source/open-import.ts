import { ImportError } from '../domain/image-data.ts';
import { openSource, type SourceSettings } from './open-source.ts';
import { SourceError } from './source-error.ts';

/**
 * Opens the source of an import.
 *
 * @throws ImportError instead of a SourceError, also while the content is read
 */
export async function openImport(uri: string, settings: SourceSettings): Promise<AsyncIterable<Uint8Array>> {
  try {
    return withImportErrors((await openSource(uri, settings)).content);
  } catch (error) {
    throw toImportError(error);
  }
}

async function* withImportErrors(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* content;
  } catch (error) {
    throw toImportError(error);
  }
}

/** Returns the error of a source as one that fails whenever the import is repeated, and any other error unchanged. */
const toImportError = (error: unknown): unknown =>
  error instanceof SourceError ? new ImportError(error.message, { cause: error }) : error;
