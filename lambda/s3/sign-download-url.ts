import {
  credentialScope,
  encodePath,
  encodeQuery,
  signatureAlgorithm,
  signatureTime,
  signRequest,
  unsignedPayload,
} from './signature-v4.ts';

/** Credentials of a function's role. */
interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Undefined for credentials that do not expire. */
  readonly sessionToken?: string | undefined;
}

/** An object, and how a client may download it. */
export interface Download {
  /** The only method that the URL permits. */
  readonly method: 'GET' | 'HEAD';
  /** A name without dots, as CloudFormation generates it: the certificate of S3 covers one label. */
  readonly bucket: string;
  readonly key: string;
  readonly region: string;
  readonly credentials: SigningCredentials;
  /** URL of another S3, which gets the bucket in the path; undefined for Amazon S3. */
  readonly endpoint?: string | undefined;
  readonly now: Date;
}

/** Time for which a signed URL is valid. A download that began before the end continues. */
const downloadUrlSeconds = 60;

/**
 * Returns a signed URL to download an object as `application/octet-stream`, valid for 60 seconds and
 * at most as long as the credentials. It calls no service and does not check that the object exists.
 *
 * The content type is part of the URL because glanceclient fails with every other type.
 */
export function signDownloadUrl({ method, bucket, key, region, credentials, endpoint, now }: Download): string {
  const base = new URL(endpoint ?? `https://${bucket}.s3.${region}.amazonaws.com`);
  const path = `${base.pathname.replace(/\/$/, '')}${endpoint === undefined ? '' : `/${bucket}`}/${key}`;
  const time = signatureTime(now);
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const query: [string, string][] = [
    ['X-Amz-Algorithm', signatureAlgorithm],
    ['X-Amz-Content-Sha256', unsignedPayload],
    ['X-Amz-Credential', `${accessKeyId}/${credentialScope(time, region)}`],
    ['X-Amz-Date', time],
    ['X-Amz-Expires', String(downloadUrlSeconds)],
    ...(sessionToken === undefined ? [] : [['X-Amz-Security-Token', sessionToken] as [string, string]]),
    ['X-Amz-SignedHeaders', 'host'],
    ['response-content-type', 'application/octet-stream'],
  ];
  const headers = { host: base.host };
  const signature = signRequest({
    ...{ method, path, query, headers, payloadHash: unsignedPayload },
    ...{ time, region, secretAccessKey },
  });
  return `${base.origin}${encodePath(path)}?${encodeQuery([...query, ['X-Amz-Signature', signature]])}`;
}
