import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { signatureAlgorithm, signatureTime, signRequest, unsignedPayload } from '../../../lambda/s3/signature-v4.ts';
import { localCredentials, localRegion } from '../template/template-values.ts';
import { accessDenied, S3Error } from './s3-error.ts';

/** A request in the parts that a signature covers. */
export interface SignedRequest {
  readonly method: string;
  /** The decoded path. */
  readonly path: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: IncomingHttpHeaders;
}

/** Maximum difference between the clocks of client and server, and lifetime of a signature in a header. */
const maxSkewSeconds = 15 * 60;

/** Maximum lifetime of a signed URL. */
const maxExpirySeconds = 7 * 24 * 60 * 60;

/**
 * Verifies the signature of a request, which is in its header or in its query, with the local credentials.
 *
 * @returns the signed SHA-256 of the body, or the constant that replaces it
 * @throws S3Error if the signature is missing, expired or wrong
 */
export function verifySignature({ method, path, query, headers }: SignedRequest, now: Date): string {
  const parameters = Object.fromEntries(query);
  const isInQuery = parameters['X-Amz-Signature'] !== undefined;
  const { credential, signedHeaders, signature, time } = isInQuery
    ? {
        credential: parameters['X-Amz-Credential'],
        signedHeaders: parameters['X-Amz-SignedHeaders'],
        signature: parameters['X-Amz-Signature'],
        time: parameters['X-Amz-Date'],
      }
    : parseAuthorization(headers);
  if (credential === undefined || signedHeaders === undefined || signature === undefined || time === undefined) {
    throw accessDenied('The request must have a signature of version 4.');
  }
  verifyScope(credential, time);
  verifyTime(time, isInQuery ? parameters['X-Amz-Expires'] : undefined, isInQuery, now);

  const names = signedHeaders.split(';');
  const unsigned = Object.keys(headers).filter((name) => name.startsWith('x-amz-') && !names.includes(name));
  if (!names.includes('host') || unsigned.length > 0) {
    throw accessDenied('There were headers present in the request which were not signed.');
  }
  const payloadHash =
    (isInQuery ? parameters['X-Amz-Content-Sha256'] : headers['x-amz-content-sha256']?.toString()) ?? unsignedPayload;
  const expected = signRequest({
    ...{ method, path, payloadHash, time },
    query: query.filter(([name]) => name !== 'X-Amz-Signature'),
    headers: Object.fromEntries(
      names.map((name) => [
        name,
        String(headers[name] ?? '')
          .trim()
          .replaceAll(/ +/g, ' '),
      ]),
    ),
    region: localRegion,
    secretAccessKey: localCredentials.secretAccessKey,
  });
  if (signature.length !== expected.length || !timingSafeEqual(Buffer.from(signature), Buffer.from(expected))) {
    throw new S3Error(
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided.',
    );
  }
  return payloadHash;
}

function parseAuthorization(headers: IncomingHttpHeaders) {
  const [algorithm, ...rest] = (headers.authorization ?? '').split(' ');
  const fields = Object.fromEntries(
    rest
      .join('')
      .split(',')
      .map((field) => field.split('=') as [string, string]),
  );
  return {
    credential: algorithm === signatureAlgorithm ? fields['Credential'] : undefined,
    signedHeaders: fields['SignedHeaders'],
    signature: fields['Signature'],
    time: headers['x-amz-date']?.toString(),
  };
}

function verifyScope(credential: string, time: string): void {
  const [accessKeyId, ...scope] = credential.split('/');
  if (accessKeyId !== localCredentials.accessKeyId) {
    throw new S3Error(403, 'InvalidAccessKeyId', 'The access key ID you provided does not exist in our records.');
  }
  if (scope.join('/') !== `${time.slice(0, 8)}/${localRegion}/s3/aws4_request`) {
    throw new S3Error(
      400,
      'AuthorizationHeaderMalformed',
      `The scope must be of the region "${localRegion}" and of s3.`,
    );
  }
}

function verifyTime(time: string, expires: string | undefined, isInQuery: boolean, now: Date): void {
  const signedAt = Date.parse(time.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (Number.isNaN(signedAt) || signatureTime(new Date(signedAt)) !== time) {
    throw accessDenied('The date of the signature must have the form 20260131T235959Z.');
  }
  const ageSeconds = (now.getTime() - signedAt) / 1000;
  if (!isInQuery) {
    if (Math.abs(ageSeconds) <= maxSkewSeconds) return;
    throw new S3Error(
      403,
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
    );
  }
  const expirySeconds = Number(expires);
  if (!(expirySeconds >= 1 && expirySeconds <= maxExpirySeconds)) {
    throw new S3Error(
      400,
      'AuthorizationQueryParametersError',
      '"X-Amz-Expires" must be between 1 and 604800 seconds.',
    );
  }
  if (ageSeconds < -maxSkewSeconds) throw accessDenied('Request is not yet valid');
  if (ageSeconds >= expirySeconds) throw accessDenied('Request has expired');
}
