/** A kind of request that an application credential allows (Identity API v3, "Access rules"). */
export interface AccessRule {
  /** The service's type in the catalog. */
  readonly service: string;
  readonly method: string;
  /** A path in which `*` and `{name}` match within one segment and `**` matches any text. */
  readonly path: string;
}

/** The type of this service in the catalog. */
const serviceType = 'image';

/** Returns true if a rule allows this request to this service. */
export const allowsRequest = (rules: readonly AccessRule[], method: string, pathname: string): boolean =>
  rules.some((rule) => rule.service === serviceType && rule.method === method && matches(rule.path, pathname));

const patternTokens = /\{[^}]*\}|\*\*|\*|[^]/g;

/**
 * Returns true if a rule's path matches a request's path by the rules of the identity service's middleware: `*` and
 * `{name}` match one or more characters except a slash.
 */
function matches(pattern: string, pathname: string): boolean {
  // All possible positions in the pattern advance together. With backtracking, the author of a pattern could make the
  // match take exponential time.
  const tokens = (pattern.match(patternTokens) ?? []).map((token) =>
    token.startsWith('{') && token !== '{' ? '*' : token,
  );
  const withEmptyMatches = (position: number): number[] =>
    tokens[position] === '**' ? [position, ...withEmptyMatches(position + 1)] : [position];
  let current = new Set(withEmptyMatches(0));
  for (const character of pathname) {
    const next = new Set<number>();
    const advanceTo = (position: number) => {
      for (const reachable of withEmptyMatches(position)) next.add(reachable);
    };
    for (const position of current) {
      const token = tokens[position];
      if (token === '**') advanceTo(position);
      else if (token === '*' && character !== '/') [position, position + 1].forEach(advanceTo);
      else if (token === character) advanceTo(position + 1);
    }
    current = next;
  }
  return current.has(tokens.length);
}
