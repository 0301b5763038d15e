import type { ImageId, ProjectId } from '../ids.ts';

/**
 * A membership whose end had passed when it was listed. Lists may be outdated: the membership may have been prolonged or
 * ended meanwhile.
 */
export type OverdueMembership = {
  /** End of the membership in epoch seconds. */
  readonly endedAtSeconds: number;
} & (
  | { readonly imageId: ImageId; readonly memberId: ProjectId }
  /** Text of a key that names no image and project. */
  | { readonly malformedKey: string }
);

/** A page of overdue memberships. */
export interface OverduePage {
  /** The memberships, the earliest end first. */
  readonly memberships: readonly OverdueMembership[];
  /** Returns the following page; `undefined` after the last page. */
  readonly next: (() => Promise<OverduePage>) | undefined;
}

/** Finds memberships whose end has passed and that are still stored. */
export interface ExpiryRepository {
  /**
   * Starts to list all memberships that ended until a time. Each returned function reads the first page of another part
   * of them. All memberships of an image are in the same part.
   */
  findOverdue(until: Date): readonly (() => Promise<OverduePage>)[];
}
