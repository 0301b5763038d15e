/** The versions of the Image API that are spoken here, newest first; each is another name of the same API. */
const versionIds = ['v2.17', 'v2.15', ...Array.from({ length: 14 }, (_, n) => `v2.${13 - n}`)];

/** Whether a path's first part names the API, as `v2` or as one of its versions. */
export const isVersion = (segment: string): boolean => segment === 'v2' || versionIds.includes(segment);

/** The list of versions (Image API v2, "List API versions"); the newest is the current one. */
export const versionsView = (baseUrl: string) => ({
  versions: versionIds.map((id, n) => ({
    id,
    status: n === 0 ? 'CURRENT' : 'SUPPORTED',
    links: [{ rel: 'self', href: `${baseUrl}/v2/` }],
  })),
});
