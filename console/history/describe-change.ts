import type { HistoryEntry, HistoryMemberState } from '../api/types.ts';
import { exactTime } from '../components/format.ts';

type MembershipEntry = Extract<HistoryEntry, { readonly kind: 'membership' }>;
type ImageEntry = Extract<HistoryEntry, { readonly kind: 'image' }>;

/** Returns the words for a change. Ids of projects are not among them, because they are shown isolated from the text. */
export function describeChange(entry: HistoryEntry): string {
  const words = (entry.kind === 'image' ? wordsOfImage(entry) : wordsOfMembership(entry)).join('; ') || 'changed';
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function wordsOfImage({ before, after }: ImageEntry): string[] {
  if (after === null) return ['image deleted'];
  if (before === null) return [`image created with the visibility ${after.visibility}`];
  const words: string[] = [];
  if (after.visibility !== before.visibility) {
    words.push(`visibility changed from ${before.visibility} to ${after.visibility}`);
  }
  if (after.owner !== before.owner) words.push('owner changed');
  return words;
}

function wordsOfMembership({ before, after, by, member_id: memberId }: MembershipEntry): string[] {
  if (after === null) {
    if (by.via === 'expiry') return ['expired'];
    return [by.project_id === memberId ? 'withdrawn by the project itself' : 'withdrawn'];
  }
  return [...wordsOfStatus(before, after), ...wordsOfEnd(before?.expires_at ?? null, after.expires_at)];
}

function wordsOfStatus(before: HistoryMemberState | null, { status }: HistoryMemberState): string[] {
  // Only a standing answer gives an offer another status.
  if (before === null) return [status === 'pending' ? 'offered' : `offered, ${status} by a standing answer`];
  if (status === before.status) return [];
  return [status === 'pending' ? 'back to waiting' : status];
}

function wordsOfEnd(before: string | null, after: string | null): string[] {
  if (after === before) return [];
  if (after === null) return ['end removed'];
  return [`end ${before === null ? 'set' : 'changed'} to ${exactTime(new Date(after))}`];
}
