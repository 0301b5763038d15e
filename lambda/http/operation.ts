import type { Role } from '../domain/caller.ts';
import type { ApiRequest } from './api-request.ts';
import type { ApiResponse } from './api-response.ts';
import type { FaultCode } from './faults.ts';

/** Part of the OpenAPI document, or a JSON schema. */
export type Json = Readonly<Record<string, unknown>>;

/** Handles a request. @throws SharingError or RequestFault if it is refused */
export type HandleRequest = (request: ApiRequest) => Promise<ApiResponse>;

/**
 * Rule for the body of a request: `json` parses a body of any media type; a list of media types parses it and refuses
 * other media types; `none` refuses a body; `ignored` accepts any body without reading it.
 */
export type BodyRule = 'json' | 'none' | 'ignored' | readonly string[];

/** Resource whose entity tag the preconditions of an operation compare. */
export type Precondition = 'image' | 'member';

/**
 * Definition of an operation of the API. The router, the OpenAPI document and the routes of the CDK stack are derived
 * from it.
 */
export interface Operation<UseCase> {
  /** Method and path. `{version}` is `v2` or one of its aliases, such as `v2.9`. */
  readonly route: string;
  /** Summary of the operation in the OpenAPI document. */
  readonly summary: string;
  /**
   * Weakest role that can succeed; `undefined` if any valid token can. It only documents the use case, which decides
   * itself because its refusal depends on the image.
   */
  readonly role: Role | undefined;
  readonly body: BodyRule;
  /** Schema of a JSON body, or the schemas by media type if `body` lists media types. */
  readonly bodySchema?: Json;
  /**
   * Resource of the preconditions: `If-None-Match` of GET, `If-Match` of other methods.
   *
   * @default - none: a write with a precondition is refused
   */
  readonly precondition?: Precondition;
  /** Query parameters as OpenAPI parameter objects. */
  readonly query?: readonly Json[];
  /** Status of success, and the name of the response's component schema if the response has a body. */
  readonly success: readonly [status: number, schema?: string];
  /** Statuses of success besides the first, whose responses have no body. */
  readonly otherSuccess?: readonly number[];
  /** Faults in addition to those of every operation. */
  readonly faults: readonly FaultCode[];
  /** Returns the handler, which parses the request, calls the use case and returns the view of its result. */
  readonly handle: (useCase: UseCase) => HandleRequest;
}

/** Use case of each operation of a group, by the operation's name. */
export type UseCasesOf<Operations> = {
  readonly [Name in keyof Operations]: Operations[Name] extends Operation<infer UseCase> ? UseCase : never;
};

/** Returns the definition, checked against the type of its use case. */
export const defineOperation = <UseCase>(operation: Operation<UseCase>): Operation<UseCase> => operation;

/** Returns an OpenAPI query parameter. */
export const queryParameter = (name: string, description: string, schema: Json): Json => ({
  name,
  in: 'query',
  description,
  schema,
});
