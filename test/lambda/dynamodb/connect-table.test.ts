import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  ProvisionedThroughputExceededException,
  TransactionCanceledException,
  type DynamoDBClientConfig,
} from '@aws-sdk/client-dynamodb';
import { AwsJson1_0Protocol } from '@aws-sdk/core/protocols';
import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { listen } from '../../../infra/local/listen.ts';
import { localCredentials, localRegion } from '../../../infra/local/template/template-values.ts';
import { documentClient } from '../../../lambda/dynamodb/connect-table.ts';

interface SentRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/** The response of the server, and the last request that it received. */
let reply: { readonly status: number; readonly body: string | Buffer } = { status: 200, body: '{}' };
let sent: SentRequest | undefined;
let server: Server;
let ours: DynamoDBDocumentClient;
let standard: DynamoDBDocumentClient;

beforeAll(async () => {
  server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const { method, url, headers } = request;
      sent = { method, url, headers, body: JSON.parse(body.toString()) };
      response
        .writeHead(reply.status, { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': 'request-1' })
        .end(reply.body);
    });
  });
  await listen(server, 0);
  const settings: DynamoDBClientConfig = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: localRegion,
    credentials: localCredentials,
    maxAttempts: 1,
  };
  ours = documentClient(settings);
  standard = DynamoDBDocumentClient.from(new DynamoDBClient(settings), {
    marshallOptions: { removeUndefinedValues: true },
  });
});

afterAll(() => void server.close());

type Command = PutCommand | UpdateCommand | QueryCommand | BatchGetCommand | TransactWriteCommand;
const key = { pk: 'P', sk: 'S' };

const values: Readonly<Record<string, unknown>> = {
  'an ASCII string': 'plain',
  'an empty string': '',
  'quotes and control characters': '"\\/\b\f\n\r\t\u0000\u001f\u007f\u2028',
  'characters of two, three and four bytes': 'é 値 \u{1f600}',
  'surrogates without their other half': '\ud83d \ude00 \ud83d',
  'an integer': 9007199254740991,
  'a fraction': -0.1,
  'a big integer': 9007199254740993n,
  true: true,
  null: null,
  'an empty list': [],
  'an empty map': {},
  'a list of everything': ['a', 1, false, null, [], {}, { deep: [{ deeper: ['x'] }] }],
  'a map with undefined': { a: undefined, b: 'b' },
  'a map named like a type': { S: { N: '1' }, B: 'text', M: {} },
  'text like a binary value': '{"B":"YQ=="}',
  bytes: new Uint8Array([0, 127, 255]),
  'a buffer': Buffer.from('binary'),
  'a list of bytes': [new Uint8Array([1]), new Uint8Array([])],
  'a set of strings': new Set(['a', 'b']),
  'a set of numbers': new Set([1, 2]),
  'a set of bytes': new Set([new Uint8Array([1]), new Uint8Array([2])]),
};

const commands: Readonly<Record<string, (value: unknown) => Command>> = {
  PutItem: (value) => new PutCommand({ TableName: 'T', Item: { ...key, value } }),
  UpdateItem: (value) =>
    new UpdateCommand({
      TableName: 'T',
      Key: key,
      UpdateExpression: 'SET #value = :value',
      ConditionExpression: undefined,
      ExpressionAttributeNames: { '#value': 'value' },
      ExpressionAttributeValues: { ':value': value },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    }),
  Query: (value) =>
    new QueryCommand({
      TableName: 'T',
      KeyConditionExpression: 'pk = :value',
      ExpressionAttributeValues: { ':value': value },
      ExclusiveStartKey: undefined,
      ScanIndexForward: false,
      Limit: 26,
    }),
  BatchGetItem: (value) =>
    new BatchGetCommand({ RequestItems: { T: { Keys: [key, { pk: value, sk: 'S' }], ConsistentRead: true } } }),
  TransactWriteItems: (value) =>
    new TransactWriteCommand({
      ClientRequestToken: 'token',
      TransactItems: [
        { Put: { TableName: 'T', Item: { ...key, value } } },
        { Delete: { TableName: 'T', Key: key } },
        { ConditionCheck: { TableName: 'T', Key: key, ConditionExpression: 'attribute_exists(pk)' } },
      ],
    }),
};

/** Sends a command with a client. Returns the request and the output or error. */
async function exchange(client: DynamoDBDocumentClient, command: Command) {
  sent = undefined;
  const outcome = await client.send(command as never).then(
    (output: unknown) => ({ output }),
    (error: unknown) => ({ error, class: (error as Error).constructor, fields: { ...(error as Error) } }),
  );
  return { request: sent as SentRequest | undefined, ...outcome };
}

/** Returns a request without its signature and the headers that differ between any two requests. */
function withoutSignature(request: SentRequest | undefined) {
  const { authorization, 'x-amz-date': _, 'amz-sdk-invocation-id': __, ...headers } = request!.headers;
  const { 'content-length': ___, 'x-amz-content-sha256': ____, ...rest } = headers; // they differ because the JSON text differs
  return { ...request, headers: { ...rest, authorization: /SignedHeaders=\S+/.exec(String(authorization))![0] } };
}

describe.each(Object.keys(commands))('%s', (name) => {
  test.each(Object.keys(values))('sends %s as the standard protocol does', async (kind) => {
    reply = { status: 200, body: '{}' };

    const [one, other] = [
      await exchange(ours, commands[name]!(values[kind])),
      await exchange(standard, commands[name]!(values[kind])),
    ];

    expect(withoutSignature(one.request)).toEqual(withoutSignature(other.request));
  });
});

const attributes = `{
  "pk": {"S": "P"}, "s": {"S": "\\"\\u00e9\\ud83d\\ude00\\ud83d"}, "e": {"S": ""}, "n": {"N": "12"}, "f": {"N": "-0.5"},
  "t": {"BOOL": true}, "nil": {"NULL": true}, "l": {"L": []}, "m": {"M": {}}, "ss": {"SS": ["a"]}, "ns": {"NS": ["1"]},
  "deep": {"L": [{"M": {"x": {"L": [{"N": "1"}, {"NULL": true}]}}}]}, "text": {"S": "{\\"B\\":\\"YQ==\\"}"},
  "B": {"S": "no binary"}
}`;
const binary = '{"pk": {"S": "P"}, "b": {"B": "AH//"}, "bs": {"BS": ["AQ=="]}, "l": {"L": [{"B":"YQ=="}]}}';

describe('reads as the standard protocol does', () => {
  test.each([
    ['nothing', 'PutItem', '{}'],
    ['an empty body', 'PutItem', ''],
    [
      'attributes',
      'UpdateItem',
      `{"Attributes": ${attributes}, "ConsumedCapacity": {"TableName": "T", "CapacityUnits": 1.5}}`,
    ],
    ['binary attributes', 'UpdateItem', `{"Attributes": ${binary}}`],
    [
      'a page',
      'Query',
      `{"Items": [${attributes}, ${attributes}], "Count": 2, "ScannedCount": 2, "LastEvaluatedKey": {"pk": {"S": "P"}}}`,
    ],
    ['no items', 'Query', '{"Items": [], "Count": 0, "ScannedCount": 0}'],
    [
      'a batch',
      'BatchGetItem',
      `{"Responses": {"T": [${attributes}]}, "UnprocessedKeys": {"T": {"Keys": [{"pk": {"S": "P"}}], "ConsistentRead": true}}}`,
    ],
    ['a transaction', 'TransactWriteItems', '{"ConsumedCapacity": [{"TableName": "T", "CapacityUnits": 6.0}]}'],
    ['a body that is cut off', 'Query', '{"Items": ['],
  ])('%s', async (_what, name, body) => {
    reply = { status: 200, body };

    const [one, other] = [await exchange(ours, commands[name]!('x')), await exchange(standard, commands[name]!('x'))];

    expect({ ...one, request: undefined }).toEqual({ ...other, request: undefined });
  });

  const type = (name: string) => `"__type": "com.amazonaws.dynamodb.v20120810#${name}"`;
  test.each([
    [
      'a failed condition with the item',
      'UpdateItem',
      400,
      `{${type('ConditionalCheckFailedException')}, "message": "The conditional request failed", "Item": ${attributes}}`,
      ConditionalCheckFailedException,
    ],
    [
      'a cancelled transaction with its reasons',
      'TransactWriteItems',
      400,
      `{${type('TransactionCanceledException')}, "Message": "cancelled", "CancellationReasons": [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Message": "m", "Item": ${attributes}}]}`,
      TransactionCanceledException,
    ],
    [
      'throttling',
      'Query',
      400,
      `{${type('ProvisionedThroughputExceededException')}, "message": "slow down"}`,
      ProvisionedThroughputExceededException,
    ],
    ['an error of no known type', 'Query', 400, `{${type('SomethingElse')}, "message": "m"}`, Error],
    ['an error of the service', 'Query', 500, `{${type('InternalServerError')}, "message": "m"}`, Error],
    ['an error that is not JSON', 'Query', 502, '<html>Bad gateway</html>', Error],
    ['an error without a body', 'Query', 503, '', Error],
  ])('%s', async (_what, name, status, body, errorClass) => {
    reply = { status, body };

    const [one, other] = [await exchange(ours, commands[name]!('x')), await exchange(standard, commands[name]!('x'))];

    expect('error' in one && one.error).toBeInstanceOf(errorClass);
    expect({ ...one, request: undefined }).toEqual({ ...other, request: undefined });
  });
});

test('the protocol extends the one that the client has by itself', () => {
  expect(new DynamoDBClient({ region: localRegion }).config.protocol.constructor).toBe(AwsJson1_0Protocol);
  expect(ours.config.protocol).toBeInstanceOf(AwsJson1_0Protocol);
});

test('the client has all middlewares of the SDK but the logger', () => {
  const names = (client: DynamoDBDocumentClient) => client.middlewareStack.identify().map((line) => line.split(' ')[0]);

  expect(names(standard)).toContain('loggerMiddleware');
  expect(names(ours)).toEqual(names(standard).filter((name) => name !== 'loggerMiddleware'));
});
