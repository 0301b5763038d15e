import type { PublishedEvent } from './event-store.ts';

type Fields = Readonly<Record<string, unknown>>;

/** An event for a reader at a terminal, in one line. */
export function eventLine({ type, detail }: Pick<PublishedEvent, 'type' | 'detail'>): string {
  const fields = JSON.parse(detail) as Fields;
  const { image, member, before, after, by } = fields as Readonly<Record<string, Fields | undefined | null>>;
  if (image == null || by == null) return `${type.padEnd(22)} ${detail}`;
  const of = member == null ? '' : ` for ${String(member['id'])}`;
  // With a membership, no name says nothing: it may not be told any more.
  const unnamed = member == null ? 'unnamed ' : '';
  const name = typeof image['name'] === 'string' ? `${JSON.stringify(image['name'])} ` : unnamed;
  return [
    String(fields['time']),
    type.padEnd(19),
    `${name}${String(image['id'])}${of}:`,
    `${stateOf(before)} → ${stateOf(after)},`,
    `by ${String(by['user'])} of ${String(by['project'])} (${String(by['via'])}),`,
    `#${String(fields['sequence'])}`,
  ].join(' ');
}

const stateOf = (state: Fields | undefined | null): string =>
  state == null
    ? 'none'
    : typeof state['status'] === 'string'
      ? state['status']
      : `${String(state['visibility'])}${state['os_hidden'] === true ? ', hidden' : ''}`;
