import type { Image } from '../api/types.ts';

/**
 * The id of a project or an image. Long hexadecimal ids are shown in groups of 8, so that people can compare them; a copy of the
 * text has no spaces.
 */
export function Id({ value }: { readonly value: string }) {
  const groups = /^[0-9a-f]{32}$/i.test(value) ? (value.match(/.{8}/g) ?? []) : [value];
  return (
    <bdi class="id" translate={false}>
      {groups.map((group, index) => (
        <>
          {index > 0 && <wbr />}
          <span>{group}</span>
        </>
      ))}
    </bdi>
  );
}

/** Joins ids in a text that are written in groups, as {@link Id} shows them. */
export const joinGroups = (text: string): string =>
  text.replace(/\b[0-9a-f]{8}( [0-9a-f]{8}){3}\b/gi, (id) => id.replaceAll(' ', ''));

/**
 * Returns the text that names an image: its name without characters that change the direction of a text, or its id if it has
 * no visible name. Some letters are invisible, and one symbol is blank.
 */
export function nameOf({ name, id }: Pick<Image, 'name' | 'id'>): string {
  const text = (name ?? '').replace(/\p{Bidi_C}/gu, '');
  return /(?![\p{DI}\u2800])[\p{L}\p{N}\p{P}\p{S}]/u.test(text) ? text : id;
}

/** Returns the name of an image for a message: in quotation marks, and isolated from the text around it. */
export const quotedName = (image: Pick<Image, 'name' | 'id'>): string => `“\u2068${nameOf(image)}\u2069”`;

/** The name of an image and its id below, for the header of its row. */
export function ImageHeader({ image }: { readonly image: Pick<Image, 'name' | 'id'> }) {
  return (
    <>
      <ImageName image={image} />
      <small>
        <Id value={image.id} />
      </small>
    </>
  );
}

/** Text that completes the name of a button or link for screen readers: a phrase, and a name or an id. */
export function HiddenName({ phrase = '', name }: { readonly phrase?: string; readonly name: string }) {
  return (
    <span class="visually-hidden">
      {phrase === '' ? ' ' : ` ${phrase} `}
      <bdi>{name}</bdi>
    </span>
  );
}

/** The name of an image. Other projects choose names, so it is isolated from the text around it. */
export function ImageName({ image }: { readonly image: Pick<Image, 'name' | 'id'> }) {
  return <bdi>{nameOf(image)}</bdi>;
}
