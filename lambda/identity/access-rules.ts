/** One kind of request that an application credential may be used for (Identity API v3, "Access rules"). */
export interface AccessRule {
  /** The service's type in the catalog. */
  readonly service: string;
  readonly method: string;
  /** A path, in which `*` and `{name}` stand for one part and `**` for any number of them. */
  readonly path: string;
}

/** The type of this service in the catalog. */
const serviceType = 'image';

/** Whether one of the rules is about a request to this service. */
export const allowsRequest = (rules: readonly AccessRule[], method: string, pathname: string): boolean =>
  rules.some((rule) => rule.service === serviceType && rule.method === method && matches(rule.path, pathname));

const parts = /\{[^}]*\}|\*\*|\*|[^]/g;

/**
 * Whether a rule's path is that of a request, as the middleware of the identity service reads it: `*` and `{name}` are one
 * character or more, but no slash. All places of the pattern where a character may stand are followed at once, for whoever
 * writes the pattern would else choose how long it takes.
 */
function matches(pattern: string, pathname: string): boolean {
  const places = (pattern.match(parts) ?? []).map((part) => (part.startsWith('{') && part !== '{' ? '*' : part));
  const reached = (place: number): number[] => (places[place] === '**' ? [place, ...reached(place + 1)] : [place]);
  let current = new Set(reached(0));
  for (const character of pathname) {
    const next = new Set<number>();
    const reach = (place: number) => {
      for (const each of reached(place)) next.add(each);
    };
    for (const place of current) {
      const part = places[place];
      if (part === '**') reach(place);
      else if (part === '*' && character !== '/') [place, place + 1].forEach(reach);
      else if (part === character) reach(place + 1);
    }
    current = next;
  }
  return current.has(places.length);
}
