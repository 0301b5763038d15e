/** Status of a membership. */
export type MemberStatus = 'pending' | 'accepted' | 'rejected';

/** Statuses in the order of the tabs. */
export const memberStatuses: readonly MemberStatus[] = ['pending', 'accepted', 'rejected'];

/** The project of the token, its role, and the numbers of its offers (`GET /sharing/v1/project`). */
export interface Project {
  readonly project_id: string;
  readonly user_id: string;
  /** Strongest role of the token. */
  readonly role: 'admin' | 'manager' | 'member' | 'reader';
  readonly offers: Readonly<Record<MemberStatus, number>>;
  /** Statuses whose number is a lower bound. */
  readonly at_least: readonly MemberStatus[];
}

/** An image, as far as the page shows it. Its texts come from other projects. */
export interface Image {
  readonly id: string;
  readonly name: string | null;
  readonly owner: string;
  readonly visibility: 'private' | 'shared' | 'community' | 'public';
  readonly status: string;
  readonly disk_format: string | null;
  readonly container_format: string | null;
  /** Size of the data in bytes. */
  readonly size: number | null;
  /** Required disk in GB. */
  readonly min_disk: number;
  /** Required memory in MB. */
  readonly min_ram: number;
  readonly tags: readonly string[];
  readonly created_at: string;
}

/** An image that another project offers to the project. Times are in ISO 8601, UTC. */
export interface Offer {
  readonly status: MemberStatus;
  readonly offered_at: string;
  readonly offered_by: string | null;
  readonly answered_at: string | null;
  readonly expires_at: string | null;
  /** Entity tag of the membership. */
  readonly etag: string;
  readonly image: Image;
}

/** A page of a list. `next` is the path of the next page. */
interface Page {
  readonly next?: string;
}

export interface OffersPage extends Page {
  readonly offers: readonly Offer[];
}

/** An image of the project with the numbers of its members. */
export interface OwnImage extends Image {
  readonly member_counts: Readonly<Record<MemberStatus | 'total', number>> & { readonly at_least?: true };
}

export interface OwnImagesPage extends Page {
  readonly images: readonly OwnImage[];
}

/** A membership. */
export interface Member {
  readonly member_id: string;
  readonly image_id: string;
  readonly status: MemberStatus;
  readonly created_at: string;
  readonly updated_at: string | null;
  readonly expires_at: string | null;
}

/** Result of one entry of a bulk request; `error` and `message` if it was refused. */
export interface BulkResult {
  /** HTTP status that a request for this entry alone would get. */
  readonly code: number;
  /** Entity tag of the membership after a success. */
  readonly etag?: string;
  readonly member?: Member;
  readonly error?: string;
  readonly message?: string;
}

/** Status of all later offers of one owner. */
export interface StandingAnswer {
  readonly owner: string;
  readonly status: 'accepted' | 'rejected';
  readonly created_at: string;
  readonly updated_at: string;
}

/** State of a membership in the history. */
export interface HistoryMemberState {
  readonly status: MemberStatus;
  readonly expires_at: string | null;
}

/** State of an image in the history. */
export interface HistoryImageState {
  readonly visibility: Image['visibility'];
  readonly owner: string;
}

interface AnyHistoryEntry {
  readonly id: string;
  readonly time: string;
  readonly by: {
    readonly project_id: string;
    readonly user_id: string | null;
    readonly via: 'http' | 'command' | 'expiry';
  };
}

/** A change of an image or of one of its memberships. `before` is null for a new one, `after` for one that ended. */
export type HistoryEntry = AnyHistoryEntry &
  (
    | {
        readonly kind: 'membership';
        readonly member_id: string;
        readonly before: HistoryMemberState | null;
        readonly after: HistoryMemberState | null;
      }
    | { readonly kind: 'image'; readonly before: HistoryImageState | null; readonly after: HistoryImageState | null }
  );

export interface HistoryPage extends Page {
  readonly history: readonly HistoryEntry[];
}

/** State of an image and its memberships at a time. */
export interface AccessPage extends Page {
  readonly at: string;
  readonly image: HistoryImageState | null;
  readonly members: readonly (HistoryMemberState & { readonly member_id: string })[];
}
