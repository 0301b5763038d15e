import type { Role } from '../domain/caller.ts';
import type { ApiRequest } from './api-request.ts';
import type { ApiResponse } from './api-response.ts';
import type { FaultCode } from './faults.ts';

/** A part of the OpenAPI document or a JSON schema. */
export type Json = Readonly<Record<string, unknown>>;

/** Returns the response to a request. */
export type HandleRequest = (request: ApiRequest) => Promise<ApiResponse>;

/** `json` parses the body of any media type; a list of media types accepts only these; `none` refuses a body. */
export type BodyRule = 'json' | 'none' | 'ignored' | readonly string[];

/**
 * One operation of the API, defined in one place. The router, the OpenAPI document and the routes of the CDK stack are
 * derived from it.
 */
export interface Operation<UseCase> {
  /** Method and path. `{version}` is `v2` or one of its aliases, such as `v2.9`. */
  readonly route: string;
  readonly summary: string;
  /** The weakest role that can succeed. The use case decides, because a refusal depends on the image. */
  readonly role: Role;
  readonly body: BodyRule;
  /** Schema of a JSON body, or the schemas by media type if `body` lists media types. */
  readonly bodySchema?: Json;
  /** Query parameters as OpenAPI parameter objects. */
  readonly query?: readonly Json[];
  /** Status of success, and the name of the response's component schema if it has a body. */
  readonly success: readonly [status: number, schema?: string];
  /** Faults besides those that every operation can have. */
  readonly faults: readonly FaultCode[];
  /** Reads the request, calls the use case and returns its view. */
  readonly handle: (useCase: UseCase) => HandleRequest;
}

/** The use case that each operation of a group calls. */
export type UseCasesOf<Operations> = {
  readonly [Name in keyof Operations]: Operations[Name] extends Operation<infer UseCase> ? UseCase : never;
};

/** Defines an operation that calls this use case. */
export const defineOperation = <UseCase>(operation: Operation<UseCase>): Operation<UseCase> => operation;

/** Returns an OpenAPI query parameter. */
export const queryParameter = (name: string, description: string, schema: Json): Json => ({
  name,
  in: 'query',
  description,
  schema,
});
