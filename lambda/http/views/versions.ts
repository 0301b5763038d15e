/** Current version of the Image API. */
export const currentVersion = '2.17';

/** Supported versions of the Image API, newest first; all are names of the same API. */
const versionIds = [`v${currentVersion}`, 'v2.15', ...Array.from({ length: 14 }, (_, n) => `v2.${13 - n}`)];

/** Returns true if the first segment of a path is `v2` or a supported version. */
export const isVersion = (segment: string): boolean => segment === 'v2' || versionIds.includes(segment);

/** Returns the list of versions (Image API v2, "List API versions"). The newest version is the current version. */
export const versionsView = (baseUrl: string) => ({
  versions: versionIds.map((id, n) => ({
    id,
    status: n === 0 ? 'CURRENT' : 'SUPPORTED',
    links: [{ rel: 'self', href: `${baseUrl}/v2/` }],
  })),
});
