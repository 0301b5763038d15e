import { AwsJson1_0Protocol } from '@aws-sdk/core/protocols';

type Serialize = AwsJson1_0Protocol['serializeRequest'];
type Deserialize = AwsJson1_0Protocol['deserializeResponse'];

/**
 * The SDK's protocol of DynamoDB with `JSON` in place of its codec, which walks the schema of every attribute value
 * although all but binary values are plain JSON. Headers, endpoint, metadata and errors remain the SDK's.
 */
export class PlainJsonProtocol extends AwsJson1_0Protocol {
  override async serializeRequest(...[operation, input, context]: Parameters<Serialize>): ReturnType<Serialize> {
    const request = await super.serializeRequest(operation, {}, context);
    request.body = JSON.stringify(input, binaryAsBase64);
    return request;
  }

  override async deserializeResponse<Output extends Awaited<ReturnType<Deserialize>>>(
    ...[operation, context, response]: Parameters<Deserialize>
  ): Promise<Output> {
    if (response.statusCode >= 300) return super.deserializeResponse(operation, context, response);
    const bytes = await context.streamCollector(response.body);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
    // The codec decodes binary values. Inside a string, the quotes of such a name would be escaped.
    const hasBinary = /"BS?":/.test(text);
    response.body = hasBinary ? bytes : new Uint8Array();
    const output = await super.deserializeResponse<Output>(operation, context, response);
    return hasBinary || text === '' ? output : Object.assign(JSON.parse(text) as object, output);
  }
}

/** Reads the value from its holder, because a Buffer is an object of numbers by the time it is passed. */
function binaryAsBase64(this: Readonly<Record<string, unknown>>, name: string, value: unknown): unknown {
  const original = this[name];
  return original instanceof Uint8Array ? Buffer.from(original).toString('base64') : value;
}
