import type { PublishedEvent } from './event-store.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Formats an event as one line for a terminal. */
export function eventLine({ type, detail }: Pick<PublishedEvent, 'type' | 'detail'>): string {
  const fields = JSON.parse(detail) as Fields;
  const { image, member, before, after, by } = fields as Readonly<Record<string, Fields | undefined | null>>;
  if (image == null || by == null) return `${type.padEnd(22)} ${detail}`;
  const recipient = member == null ? '' : ` for ${String(member['id'])}`;
  // A membership's event omits the name if the member can no longer see the image, so the image may have one.
  const placeholder = member == null ? 'unnamed ' : '';
  const name = typeof image['name'] === 'string' ? `${JSON.stringify(image['name'])} ` : placeholder;
  return [
    String(fields['time']),
    type.padEnd(19),
    `${name}${String(image['id'])}${recipient}:`,
    `${stateOf(before)} → ${stateOf(after)}${fields['standing_answer'] === true ? ' by a standing answer' : ''},`,
    `by ${String(by['user'])} of ${String(by['project'])} (${String(by['via'])}),`,
    `#${String(fields['sequence'])}`,
  ].join(' ');
}

function stateOf(state: Fields | undefined | null): string {
  if (state == null) return 'none';
  if (typeof state['status'] === 'string') {
    const end = state['expires_at'];
    return typeof end === 'string' ? `${state['status']} until ${end}` : state['status'];
  }
  const visibility = String(state['visibility']);
  return state['os_hidden'] === true ? `${visibility}, hidden` : visibility;
}
