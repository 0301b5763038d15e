import { sendRequest, type ApiCall, type Session } from './send-request.ts';
import type {
  AccessPage,
  BulkResult,
  HistoryPage,
  Image,
  Member,
  MemberStatus,
  OffersPage,
  OwnImagesPage,
  Project,
  StandingAnswer,
} from './types.ts';

/** Filters of the inbox; an empty text is no filter. */
export interface OfferFilter {
  readonly status: MemberStatus;
  readonly owner: string;
  readonly namePrefix: string;
}

/** An answer to an offer. */
export interface Answer {
  readonly image_id: string;
  readonly status: MemberStatus;
  /** Entity tag of the membership that the answer expects. */
  readonly if_match: string;
}

/** A membership of an image of the project. */
export interface MembershipKey {
  readonly image_id: string;
  readonly member_id: string;
}

/** An offer to a project, with the end of the membership in UTC. */
export interface NewOffer extends MembershipKey {
  readonly expires_at: string | null;
}

/** Maximum number of entries of a bulk request, and of offers in a page. */
export const maxEntries = 100;

/** The requests of the page (`docs/sharing-api.md`). All methods throw a `Problem` for each failure. */
export type SharingApi = ReturnType<typeof createSharingApi>;

/**
 * Creates the requests of a session. After its end no request is sent and no response arrives: the promises stay pending, so
 * that an action in progress has no further effect.
 *
 * @param hasEnded - returns true after the end of the session
 */
export function createSharingApi(session: Session, hasEnded: () => boolean) {
  const request = async (call: ApiCall): Promise<unknown> => {
    try {
      return hasEnded() ? undefined : await sendRequest(session, call);
    } finally {
      if (hasEnded()) await new Promise<never>(() => undefined);
    }
  };
  const send = async <Result>(field: string & keyof Result, call: ApiCall) =>
    (await request({ ...call, field })) as Result;
  const get = <Result>(field: string & keyof Result, path: string) => send<Result>(field, { path });
  const bulk = async (path: string, body: object) =>
    (await send<{ readonly results: readonly BulkResult[] }>('results', { method: 'POST', path, body })).results;
  const standingAnswerPath = (owner: string) => `/sharing/v1/standing-answers/${encodeURIComponent(owner)}`;

  return {
    /** Shell command that creates a shared image. */
    createCommand: session.createCommand ?? 'openstack image create --shared <name>',

    showProject: () => get<Project>('project_id', '/sharing/v1/project'),

    /** Lists the newest offers first. @param next - path of a further page */
    listOffers: ({ status, owner, namePrefix }: OfferFilter, next?: string) => {
      const query = new URLSearchParams({ status, sort: 'created_at:desc', limit: String(maxEntries) });
      if (owner !== '') query.set('owner', owner);
      if (namePrefix !== '') query.set('name_prefix', namePrefix);
      return get<OffersPage>('offers', next ?? `/sharing/v1/offers?${query}`);
    },
    /** Sets the project's own status of up to 100 images. @returns a result for each answer, in their order */
    answer: (answers: readonly Answer[]) => bulk('/sharing/v1/answers', { answers }),

    /** Lists the project's own images. @param next - path of a further page */
    listOwnImages: (next?: string) => get<OwnImagesPage>('images', next ?? '/sharing/v1/images'),
    /** Lists all members of an image. */
    listMembers: async (imageId: string) =>
      (await get<{ readonly members: readonly Member[] }>('members', `/sharing/v1/images/${imageId}/members`)).members,
    /** Offers images to up to 100 projects. @returns a result for each offer, in their order */
    offer: (offers: readonly NewOffer[]) => bulk('/sharing/v1/offers', { offers }),
    /** Ends memberships. @returns a result for each membership, in their order */
    withdraw: (withdrawals: readonly MembershipKey[]) => bulk('/sharing/v1/withdrawals', { withdrawals }),
    /** Sets the end of a membership, or removes it. @param expiresAt - time in UTC with seconds, or null */
    setExpiry: ({ image_id, member_id }: MembershipKey, expiresAt: string | null) =>
      send<Member>('member_id', {
        method: 'PUT',
        path: `/sharing/v1/images/${image_id}/members/${encodeURIComponent(member_id)}/expiry`,
        body: { expires_at: expiresAt },
      }),

    showImage: (imageId: string) => get<Image>('id', `/v2/images/${imageId}`),
    /** Lists the changes of access to an image, newest first. @param next - path of a further page */
    listChanges: (imageId: string, next?: string) =>
      get<HistoryPage>('history', next ?? `/sharing/v1/images/${imageId}/history?limit=50`),
    /** Shows who had access at a time. @param at - time in UTC with seconds @param next - path of a further page */
    showAccess: (imageId: string, at: string, next?: string) => {
      const query = new URLSearchParams({ at, limit: '100' });
      return get<AccessPage>('members', next ?? `/sharing/v1/images/${imageId}/history?${query}`);
    },

    listStandingAnswers: async () => {
      type Page = { readonly standing_answers: readonly StandingAnswer[] };
      return (await get<Page>('standing_answers', '/sharing/v1/standing-answers')).standing_answers;
    },
    setStandingAnswer: (owner: string, status: StandingAnswer['status']) =>
      send<StandingAnswer>('owner', { method: 'PUT', path: standingAnswerPath(owner), body: { status } }),
    removeStandingAnswer: async (owner: string) => {
      await request({ method: 'DELETE', path: standingAnswerPath(owner) });
    },
  } as const;
}
