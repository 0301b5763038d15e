import { visibilities, type Visibility } from '../../lambda/domain/image.ts';

/** What becomes of an operation that a caller tries on an image of one visibility. */
export interface Permission {
  readonly operation: string;
  /** The caller, as `<project>:<role>`. */
  readonly as: string;
  readonly visibility: Visibility;
  readonly answer: string;
}

/**
 * Reads who may do what from blocks of text: the first line of a block names the operation, each further line a caller
 * and the answer to it for an image of every visibility, set off by `|`.
 *
 * @throws Error where a line has not one answer for each visibility
 */
export function permissions(text: string): readonly Permission[] {
  return text
    .trim()
    .split(/\n\s*\n/)
    .flatMap((block) => {
      const [[operation = '', ...columns] = [], ...rows] = block
        .split('\n')
        .map((line) => line.split('|').map((cell) => cell.trim()));
      if (columns.join() !== visibilities.join())
        throw new Error(`"${operation}" is not about ${visibilities.join()}.`);
      return rows.flatMap(([as = '', ...answers]) => {
        if (answers.length !== columns.length) throw new Error(`"${operation}", ${as}: an answer is missing.`);
        return answers.map((answer, n): Permission => ({ operation, as, visibility: visibilities[n]!, answer }));
      });
    });
}
