import { AwsJson1_0Protocol } from '@aws-sdk/core/protocols';

type Serialize = AwsJson1_0Protocol['serializeRequest'];
type Deserialize = AwsJson1_0Protocol['deserializeResponse'];

/**
 * The SDK's protocol for DynamoDB with `JSON` instead of its codec. The codec traverses the schema of every attribute
 * value, although all values except binary ones are plain JSON. The SDK still handles headers, endpoint, metadata and
 * errors.
 */
export class PlainJsonProtocol extends AwsJson1_0Protocol {
  override async serializeRequest(
    operation: Parameters<Serialize>[0],
    input: Parameters<Serialize>[1],
    context: Parameters<Serialize>[2],
  ): ReturnType<Serialize> {
    const request = await super.serializeRequest(operation, {}, context);
    request.body = JSON.stringify(input, binaryAsBase64);
    return request;
  }

  override async deserializeResponse<Output extends Awaited<ReturnType<Deserialize>>>(
    operation: Parameters<Deserialize>[0],
    context: Parameters<Deserialize>[1],
    response: Parameters<Deserialize>[2],
  ): Promise<Output> {
    if (response.statusCode >= 300) return super.deserializeResponse(operation, context, response);
    const bytes = await context.streamCollector(response.body);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
    // The codec decodes binary values. Inside a JSON string these quotes would be escaped.
    const hasBinary = /"BS?":/.test(text);
    response.body = hasBinary ? bytes : new Uint8Array();
    const output = await super.deserializeResponse<Output>(operation, context, response);
    return hasBinary || text === '' ? output : Object.assign(JSON.parse(text) as object, output);
  }
}

/** Encodes binary values as base64. It reads the value from its holder: JSON passes a Buffer after its `toJSON`. */
function binaryAsBase64(this: Readonly<Record<string, unknown>>, name: string, value: unknown): unknown {
  const original = this[name];
  return original instanceof Uint8Array ? Buffer.from(original).toString('base64') : value;
}
