import { UsageError } from '../../usage-error.ts';
import { resourcesOfType, type SynthesizedStack } from '../template/synthesized-stack.ts';

/** A route of the HTTP API. */
export interface HttpApiRoute {
  /** Route key of the template, such as `GET /{version}/images` or `$default`. */
  readonly key: string;
  /** Logical id of the function that handles the route. */
  readonly functionId: string;
}

/** The selected route of a request and the values of its path variables. */
export interface RouteMatch {
  readonly route: HttpApiRoute;
  readonly pathParameters: Readonly<Record<string, string>> | undefined;
}

/**
 * Returns the routes of the stack's HTTP API with their functions. A route to an alias has the function of the alias.
 *
 * @throws UsageError if a route's target is not a function with payload format 2.0, or the stage is not `$default`
 */
export function httpApiRoutes(stack: SynthesizedStack): HttpApiRoute[] {
  const stages = resourcesOfType(stack, 'AWS::ApiGatewayV2::Stage').map(
    ([, { Properties }]) => Properties?.['StageName'],
  );
  const otherStage = stages.find((name) => name !== '$default');
  if (otherStage !== undefined) {
    throw new UsageError(`"StageName" in the template must be $default; got ${JSON.stringify(otherStage)}.`);
  }
  return resourcesOfType(stack, 'AWS::ApiGatewayV2::Route').map(([, { Properties }]) => {
    const key = String(Properties?.['RouteKey']);
    const integration = stack.resources[integrationId(Properties?.['Target'])]?.Properties;
    const functionId = functionOf(integration?.['IntegrationUri'], stack);
    if (functionId === undefined || integration?.['PayloadFormatVersion'] !== '2.0') {
      throw new UsageError(
        `The target of the route ${key} must be a function with payload format 2.0; the local server supports no other.`,
      );
    }
    return { key, functionId };
  });
}

/** Returns the logical id of the function in an integration's URI: the ARN of a function, or of an alias of it. */
function functionOf(uri: unknown, stack: SynthesizedStack): string | undefined {
  const reference = uri as { readonly Ref?: string; readonly 'Fn::GetAtt'?: readonly string[] } | undefined;
  const alias = stack.resources[reference?.Ref ?? ''];
  if (alias?.Type !== 'AWS::Lambda::Alias') return reference?.['Fn::GetAtt']?.[0];
  return (alias.Properties?.['FunctionName'] as { readonly Ref?: string } | undefined)?.Ref;
}

/**
 * Returns the logical id of the integration in a route's target, `{"Fn::Join": ["", ["integrations/", {"Ref":
 * <id>}]]}`.
 */
function integrationId(target: unknown): string {
  const [, parts] = (target as { 'Fn::Join'?: [string, [string, { Ref?: string }]] } | undefined)?.['Fn::Join'] ?? [];
  return parts?.[1].Ref ?? '';
}

/**
 * Selects the most specific route: a full match, then a match with path variables, then a match with a greedy variable,
 * then `$default`; a named method before `ANY`. A path variable matches one segment that is not empty.
 *
 * @param path - decoded, so that an escaped `/` also separates segments
 */
export function selectRoute(routes: readonly HttpApiRoute[], method: string, path: string): RouteMatch | undefined {
  const candidates = routes
    .map((route) => ({ route, ...match(route.key, method, path) }))
    .filter(({ rank }) => rank !== undefined)
    .toSorted((left, right) => (left.rank! < right.rank! ? -1 : 1));
  const [best] = candidates;
  if (best === undefined) {
    const fallback = routes.find(({ key }) => key === '$default');
    return fallback && { route: fallback, pathParameters: undefined };
  }
  return { route: best.route, pathParameters: best.variables };
}

interface Match {
  /** Sort key: the most specific match first. Undefined if the route does not match. */
  readonly rank?: string;
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

function match(key: string, method: string, path: string): Match {
  const [keyMethod, keyPath] = key.split(' ');
  if (keyPath === undefined || (keyMethod !== method && keyMethod !== 'ANY')) return {};
  const keySegments = keyPath.split('/');
  const segments = path.split('/');
  const variables: [string, string][] = [];
  let rank = '';
  let isGreedy = false;
  for (const [position, segment] of keySegments.entries()) {
    const variable = /^\{(.+?)(\+?)\}$/.exec(segment);
    const value = segments[position];
    if (variable?.[2] === '+') {
      const remainingPath = segments.slice(position).join('/');
      if (remainingPath === '') return {};
      variables.push([variable[1]!, remainingPath]);
      isGreedy = true;
      break;
    }
    if (variable === null) {
      if (value !== segment) return {};
      rank += '0';
    } else {
      if (value === undefined || value === '') return {};
      variables.push([variable[1]!, value]);
      rank += '1';
    }
  }
  if (!isGreedy && segments.length !== keySegments.length) return {};
  return {
    rank: `${isGreedy ? 1 : 0}${rank}${isGreedy ? '2' : ''}${keyMethod === 'ANY' ? 1 : 0}`,
    variables: variables.length === 0 ? undefined : Object.fromEntries(variables),
  };
}
