import { UsageError } from '../../usage-error.ts';
import { resourcesOfType, type SynthesizedStack } from '../template/synthesized-stack.ts';

/** A route of the HTTP API. */
export interface HttpApiRoute {
  /** As in the template, such as `GET /{version}/images` or `$default`. */
  readonly key: string;
  /** Logical id of the function behind it. */
  readonly functionId: string;
}

/** The route that takes a request, and what its path variables stand for. */
export interface RouteMatch {
  readonly route: HttpApiRoute;
  readonly pathParameters: Readonly<Record<string, string>> | undefined;
}

/**
 * The routes of the stack's HTTP API with the functions behind them.
 *
 * @throws Refusal if a route leads to anything but a function, or the stage is not `$default`
 */
export function httpApiRoutes(stack: SynthesizedStack): HttpApiRoute[] {
  const stages = resourcesOfType(stack, 'AWS::ApiGatewayV2::Stage').map(
    ([, { Properties }]) => Properties?.['StageName'],
  );
  if (stages.some((name) => name !== '$default')) {
    throw new UsageError('The local server serves the stage $default only, and the template has another.');
  }
  return resourcesOfType(stack, 'AWS::ApiGatewayV2::Route').map(([, { Properties }]) => {
    const key = String(Properties?.['RouteKey']);
    const integration = stack.resources[integrationId(Properties?.['Target'])]?.Properties;
    const functionId = (integration?.['IntegrationUri'] as { 'Fn::GetAtt'?: [string, string] } | undefined)?.[
      'Fn::GetAtt'
    ]?.[0];
    if (functionId === undefined || integration?.['PayloadFormatVersion'] !== '2.0') {
      throw new UsageError(
        `The route ${key} does not lead to a function with payload format 2.0, which is all the local server serves.`,
      );
    }
    return { key, functionId };
  });
}

/** The integration of a route's target, `{"Fn::Join": ["", ["integrations/", {"Ref": <id>}]]}`. */
function integrationId(target: unknown): string {
  const [, parts] = (target as { 'Fn::Join'?: [string, [string, { Ref?: string }]] } | undefined)?.['Fn::Join'] ?? [];
  return parts?.[1].Ref ?? '';
}

/**
 * Selects the most specific route: a full match, then one with path variables, then one with a greedy variable, then
 * `$default`; a method by its name before `ANY`. A path variable stands for one segment that is not empty.
 *
 * @param path - decoded, so that a `/` that was escaped separates segments too
 */
export function selectRoute(routes: readonly HttpApiRoute[], method: string, path: string): RouteMatch | undefined {
  const candidates = routes
    .map((route) => ({ route, ...match(route.key, method, path) }))
    .filter(({ rank }) => rank !== undefined)
    .toSorted((one, other) => (one.rank! < other.rank! ? -1 : 1));
  const [best] = candidates;
  if (best === undefined) {
    const fallback = routes.find(({ key }) => key === '$default');
    return fallback && { route: fallback, pathParameters: undefined };
  }
  return { route: best.route, pathParameters: best.variables };
}

interface Match {
  /** Sorts matches: the most specific first. */
  readonly rank?: string;
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

function match(key: string, method: string, path: string): Match {
  const [keyMethod, keyPath] = key.split(' ');
  if (keyPath === undefined || (keyMethod !== method && keyMethod !== 'ANY')) return {};
  const wanted = keyPath.split('/');
  const given = path.split('/');
  const variables: [string, string][] = [];
  let rank = '';
  let isGreedy = false;
  for (const [position, segment] of wanted.entries()) {
    const name = /^\{(.+?)(\+?)\}$/.exec(segment);
    const value = given[position];
    if (name?.[2] === '+') {
      const rest = given.slice(position).join('/');
      if (rest === '') return {};
      variables.push([name[1]!, rest]);
      isGreedy = true;
      break;
    }
    if (name === null ? value !== segment : value === undefined || value === '') return {};
    if (name !== null) variables.push([name[1]!, value!]);
    rank += name === null ? '0' : '1';
  }
  if (!isGreedy && given.length !== wanted.length) return {};
  return {
    rank: `${isGreedy ? 1 : 0}${rank}${isGreedy ? '2' : ''}${keyMethod === 'ANY' ? 1 : 0}`,
    variables: variables.length === 0 ? undefined : Object.fromEntries(variables),
  };
}
