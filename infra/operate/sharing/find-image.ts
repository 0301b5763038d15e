import { z } from 'zod';
import { parseImageId } from '../../../lambda/domain/ids.ts';
import { UsageError } from '../../usage-error.ts';
import type { Progress, SharingApi } from './sharing-api.ts';
import { neutralize } from './table.ts';

/** The lists in which a name of an image is looked up. */
export type ImageSource = 'offers' | 'own images';

/** An image that a user named. */
export interface FoundImage {
  readonly id: string;
  /** The id, after the name if the user gave one, safe to print. */
  readonly label: string;
}

/** Maximum number of candidates that the sentence for an ambiguous name contains. */
const maxCandidates = 10;

const imageSchema = z.looseObject({ id: z.string(), name: z.string().nullish(), owner: z.string().nullish() });
type Candidate = z.infer<typeof imageSchema>;
const nextSchema = z.string().optional();
const offerList = {
  path: '/sharing/v1/offers',
  key: 'offers',
  page: z
    .looseObject({ offers: z.array(z.looseObject({ image: imageSchema })), next: nextSchema })
    .transform(({ offers, next }) => ({ items: offers.map(({ image }) => image), next })),
};
const imageList = {
  path: '/v2/images',
  key: 'images',
  page: z
    .looseObject({ images: z.array(imageSchema), next: nextSchema })
    .transform(({ images, next }) => ({ items: images, next })),
};

/**
 * Finds images by id or name. An id needs no request. Each image is returned once.
 *
 * @throws UsageError if a name is the name of no image in these lists, or of several
 */
export async function findImages(
  api: SharingApi,
  images: readonly string[],
  sources: readonly ImageSource[],
  progress: Progress,
): Promise<readonly FoundImage[]> {
  const found = new Map<string, FoundImage>();
  for (const image of images) {
    const id = parseImageId(image) ?? (await findByName(api, image, sources, progress));
    found.set(id, { id, label: id === image ? id : `${neutralize(image)} (${id})` });
  }
  return [...found.values()];
}

/** Finds one image: see {@link findImages}. */
export async function findImage(
  api: SharingApi,
  image: string,
  sources: readonly ImageSource[],
  progress: Progress,
): Promise<FoundImage> {
  return (await findImages(api, [image], sources, progress))[0]!;
}

async function findByName(
  api: SharingApi,
  name: string,
  sources: readonly ImageSource[],
  progress: Progress,
): Promise<string> {
  const candidates = new Map<string, Candidate>();
  for (const source of sources) {
    for (const image of source === 'offers'
      ? await listOffers(api, name, progress)
      : await listOwnImages(api, name, progress)) {
      if (image.name === name) candidates.set(image.id, image);
    }
  }
  const [first, ...others] = candidates.values();
  const place = `the project's ${sources.join(' and ')}`;
  if (first === undefined) {
    throw new UsageError(`No image among ${place} has the name "${neutralize(name)}"; check the name, or use the id.`);
  }
  if (others.length === 0) return first.id;
  const listed = [first, ...others]
    .slice(0, maxCandidates)
    .map(({ id, owner }) => `${neutralize(id)} of ${neutralize(owner ?? 'no owner')}`);
  const remaining = candidates.size - listed.length;
  throw new UsageError(
    `${candidates.size} images among ${place} have the name "${neutralize(name)}"; use the id: ${listed.join(', ')}${remaining > 0 ? ` and ${remaining} more` : ''}.`,
  );
}

async function listOffers(api: SharingApi, name: string, progress: Progress): Promise<readonly Candidate[]> {
  // A list has either the hidden images or the others.
  const pages = await Promise.all(
    ['false', 'true'].map((hidden) =>
      api.list(offerList, { status: 'all', name_prefix: name, os_hidden: hidden }, { progress }),
    ),
  );
  requireComplete(name, pages);
  return pages.flatMap(({ items }) => items);
}

async function listOwnImages(api: SharingApi, name: string, progress: Progress): Promise<readonly Candidate[]> {
  const { body: own } = await api.request('GET', '/sharing/v1/project', z.looseObject({ project_id: z.string() }));
  const pages = await Promise.all(
    ['false', 'true'].map((hidden) =>
      // Without the operator, "in:" at the beginning of a name would be an operator.
      api.list(imageList, { owner: own.project_id, name: `eq:${name}`, os_hidden: hidden }, { progress }),
    ),
  );
  requireComplete(name, pages);
  return pages.flatMap(({ items }) => items);
}

function requireComplete(name: string, pages: readonly { readonly hasMore: boolean }[]): void {
  if (pages.some(({ hasMore }) => hasMore)) {
    throw new UsageError(`Too many images have names that begin with "${neutralize(name)}"; use the id.`);
  }
}
