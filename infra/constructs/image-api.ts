import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import type { IMetric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import {
  ApiMapping,
  CorsHttpMethod,
  DomainName,
  HttpApi,
  type HttpApiProps,
  type HttpMethod,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { consoleRoute, routes, type ApiFunction } from '../../lambda/http/routes.ts';

/** Requests per second and in a burst that the gateway accepts on each route ("Throttling" in its developer guide). */
interface RouteThrottle {
  readonly rate: number;
  /** @default - half the rate */
  readonly burst?: number | undefined;
}

/** Domain name of the API and its certificate. */
interface ApiDomain {
  /** Host name without a scheme, such as `images.example`. */
  readonly name: string;
  /** ARN of a certificate for the name in AWS Certificate Manager, in the region of the stack. */
  readonly certificateArn: string;
}

export interface ImageApiProps {
  /** Aliases of the functions by the name that `lambda/http/routes.ts` uses. */
  readonly functions: Readonly<Record<ApiFunction, IFunction>>;
  /**
   * Function that serves the console.
   *
   * @default - none: the API has no route for it
   */
  readonly console?: IFunction | undefined;
  /**
   * Origins whose pages may call the API from a browser.
   *
   * @default - none
   */
  readonly corsOrigins?: readonly string[];
  /**
   * Throttling of each route.
   *
   * @default - 500 requests per second, 250 in a burst
   */
  readonly throttle?: RouteThrottle | undefined;
  /**
   * Domain name under which clients call the API.
   *
   * @default - none: the gateway's own domain name only
   */
  readonly domain?: ApiDomain | undefined;
}

/**
 * The HTTP API with the routes of `lambda/http/routes.ts`. Unmatched requests go to the discovery function, so that
 * every response except the gateway's own errors has the format of the service.
 */
export class ImageApi extends Construct {
  /** URL of the API's root, with a slash at the end. */
  readonly url: string;
  /** The custom domain of the API. Its DNS record is not part of the stack. */
  readonly domain: DomainName | undefined;
  readonly #httpApi: HttpApi;

  constructor(scope: Construct, id: string, props: ImageApiProps) {
    super(scope, id);

    const { rate, burst = Math.ceil(rate / 2) } = props.throttle ?? { rate: 500 };
    const httpApi = new HttpApi(this, 'HttpApi', {
      apiName: Stack.of(this).stackName,
      createDefaultStage: false,
      ...corsPreflight(props.corsOrigins ?? []),
    });
    this.#httpApi = httpApi;
    for (const [name, functionRoutes] of Map.groupBy(routes, (route) => route.function)) {
      // Each route gets its own permission, because CDK's permission for a whole API does not cover `$default`.
      const integration = new HttpLambdaIntegration(`${name}Integration`, props.functions[name]);
      for (const { operation, key } of functionRoutes) {
        new HttpRoute(this, operation, { httpApi, routeKey: routeKey(key), integration });
      }
    }
    if (props.console !== undefined) {
      const integration = new HttpLambdaIntegration('consoleIntegration', props.console);
      new HttpRoute(this, 'console', { httpApi, routeKey: routeKey(consoleRoute), integration });
    }

    const accessLog = new LogGroup(this, 'AccessLog', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const stage = new HttpStage(this, 'Stage', {
      httpApi,
      autoDeploy: true,
      // The gateway counts requests per route, not per caller. The default quota of an account is 1,000 concurrent
      // functions: the gateway refuses a flood on one route with 429, and capacity remains for the other routes.
      throttle: { rateLimit: rate, burstLimit: burst },
      accessLogSettings: {
        destination: new LogGroupLogDestination(accessLog),
        format: AccessLogFormat.custom(JSON.stringify(accessLogEntry)),
      },
    });
    this.url = stage.url;

    if (props.domain !== undefined) {
      this.domain = new DomainName(this, 'Domain', {
        domainName: props.domain.name,
        certificate: Certificate.fromCertificateArn(this, 'Certificate', props.domain.certificateArn),
      });
      new ApiMapping(this, 'Mapping', { api: httpApi, domainName: this.domain, stage });
    }

    Validations.of(this).acknowledge({
      id: 'AwsSolutions-APIG4',
      reason:
        'The functions verify the token, which OpenStack clients send in X-Auth-Token, so that a 401 has the format that these clients expect.',
    });
  }

  /** Returns the number of requests. */
  metricRequests(options: MetricOptions): IMetric {
    return this.#httpApi.metricCount(options);
  }

  /** Returns the number of responses with a 5xx, of the gateway and of the service. */
  metricServerErrors(options: MetricOptions): IMetric {
    return this.#httpApi.metricServerError(options);
  }

  /** Returns the number of responses with a 4xx, of the gateway and of the service. */
  metricClientErrors(options: MetricOptions): IMetric {
    return this.#httpApi.metricClientError(options);
  }
}

/**
 * Fields of an access log entry. They exclude all input of the caller: no token, no image id, no project id. The log of
 * the functions has the request id as `gatewayRequestId`, and the same `lambdaRequestId`. An HTTP API has no variable
 * for the trace.
 */
const accessLogEntry = {
  requestId: '$context.requestId',
  lambdaRequestId: '$context.integration.requestId',
  time: '$context.requestTime',
  sourceIp: '$context.identity.sourceIp',
  route: '$context.routeKey',
  status: '$context.status',
  latencyMs: '$context.responseLatency',
  functionStatus: '$context.integrationStatus',
  error: '$context.integrationErrorMessage',
};

/**
 * Returns the CORS settings: the methods that a console calls, with the token in a header and never in a cookie.
 */
function corsPreflight(origins: readonly string[]): Pick<HttpApiProps, 'corsPreflight'> {
  if (origins.length === 0) return {};
  const { GET, POST, PUT, PATCH, DELETE } = CorsHttpMethod;
  return {
    corsPreflight: {
      allowOrigins: [...origins],
      allowMethods: [GET, POST, PUT, PATCH, DELETE],
      allowHeaders: [
        ...['x-auth-token', 'authorization', 'content-type', 'x-openstack-request-id'],
        ...['if-match', 'if-none-match'],
      ],
      exposeHeaders: ['x-openstack-request-id', 'location', 'etag'],
      // Browsers cache for at most two hours. A removed origin loses access after this time.
      maxAge: Duration.hours(1),
    },
  };
}

function routeKey(route: string): HttpRouteKey {
  if (route === HttpRouteKey.DEFAULT.key) return HttpRouteKey.DEFAULT;
  const [method, path] = route.split(' ') as [HttpMethod, string];
  return HttpRouteKey.with(path, method);
}
