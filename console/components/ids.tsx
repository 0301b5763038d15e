import type { Image } from '../api/types.ts';

/** Characters in a group. */
const groupSize = 8;

/**
 * The id of a project or an image. Long hexadecimal ids are shown in groups, so that people can compare them; a copy of the
 * text has no spaces.
 */
export function Id({ value }: { readonly value: string }) {
  const groups = /^[0-9a-f]{32}$/i.test(value) ? (value.match(new RegExp(`.{${groupSize}}`, 'g')) ?? []) : [value];
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

/** Returns the text that names an image: its name, or its id if it has no visible name. */
export const nameOf = ({ name, id }: Pick<Image, 'name' | 'id'>): string =>
  name != null && /[\p{L}\p{N}\p{P}\p{S}]/u.test(name) ? name : id;

/**
 * Returns the name of an image for a message: in quotation marks, isolated from the text around it, and without characters
 * that change the direction of a text.
 */
export const quotedName = (image: Pick<Image, 'name' | 'id'>): string =>
  `“\u2068${nameOf(image).replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')}\u2069”`;

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
