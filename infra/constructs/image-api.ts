import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  CorsHttpMethod,
  HttpApi,
  type HttpApiProps,
  type HttpMethod,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { routes, type ApiFunction } from '../../lambda/http/routes.ts';

export interface ImageApiProps {
  /** The function that serves each group of routes. */
  readonly functions: Readonly<Record<ApiFunction, IFunction>>;
  /**
   * The origins whose pages may call the API from a browser.
   *
   * @default - none
   */
  readonly corsOrigins?: readonly string[];
}

/**
 * The HTTP API: the routes of `lambda/http/routes.ts` and no others. What matches none of them goes to the discovery
 * function, so that every answer but the gateway's own refusals has our format.
 */
export class ImageApi extends Construct {
  /** The address of the API's root, ending in a slash. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: ImageApiProps) {
    super(scope, id);

    const httpApi = new HttpApi(this, 'HttpApi', {
      apiName: Stack.of(this).stackName,
      createDefaultStage: false,
      ...corsPreflight(props.corsOrigins ?? []),
    });
    for (const [name, ofFunction] of Map.groupBy(routes, (route) => route.function)) {
      // Each route gets a permission of its own: the one that CDK makes for a whole API does not cover `$default`.
      const integration = new HttpLambdaIntegration(`${name}Integration`, props.functions[name]);
      for (const { operation, key } of ofFunction) {
        new HttpRoute(this, operation, { httpApi, routeKey: routeKey(key), integration });
      }
    }

    const accessLog = new LogGroup(this, 'AccessLog', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const stage = new HttpStage(this, 'Stage', {
      httpApi,
      autoDeploy: true,
      // The gateway counts for each route, not for each caller. An account runs 1,000 functions at a time unless it
      // asked for more: a flood on one route is refused here with 429, and the other routes keep their share.
      throttle: { rateLimit: 500, burstLimit: 250 },
      accessLogSettings: {
        destination: new LogGroupLogDestination(accessLog),
        format: AccessLogFormat.custom(JSON.stringify(accessLogEntry)),
      },
    });
    this.url = stage.url;

    Validations.of(this).acknowledge({
      id: 'AwsSolutions-APIG4',
      reason:
        'The functions check the token, which OpenStack clients send in X-Auth-Token, so that a refusal has the format that those clients expect.',
    });
  }
}

/** What the access log tells of a request: nothing that a caller sent, so no token and no id of an image or project. */
const accessLogEntry = {
  requestId: '$context.requestId',
  time: '$context.requestTime',
  sourceIp: '$context.identity.sourceIp',
  route: '$context.routeKey',
  status: '$context.status',
  latencyMs: '$context.responseLatency',
  functionStatus: '$context.integrationStatus',
  error: '$context.integrationErrorMessage',
};

/** What a page of these origins may do: every call of the API (none is a HEAD), for the token is in a header and never in a cookie. */
function corsPreflight(origins: readonly string[]): Pick<HttpApiProps, 'corsPreflight'> {
  if (origins.length === 0) return {};
  const { GET, POST, PUT, PATCH, DELETE } = CorsHttpMethod;
  return {
    corsPreflight: {
      allowOrigins: [...origins],
      allowMethods: [GET, POST, PUT, PATCH, DELETE],
      allowHeaders: ['x-auth-token', 'authorization', 'content-type', 'x-openstack-request-id'],
      exposeHeaders: ['x-openstack-request-id', 'location'],
      // Browsers keep an answer for two hours at most; within this one an origin that was taken out is out.
      maxAge: Duration.hours(1),
    },
  };
}

function routeKey(route: string): HttpRouteKey {
  if (route === HttpRouteKey.DEFAULT.key) return HttpRouteKey.DEFAULT;
  const [method, path] = route.split(' ') as [HttpMethod, string];
  return HttpRouteKey.with(path, method);
}
