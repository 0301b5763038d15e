import { CloudFormationClient, paginateListStackResources } from '@aws-sdk/client-cloudformation';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetEventSourceMappingCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { DynamoDBBatchResponse } from 'aws-lambda';
import { readRecords } from '../local/stream-reader.ts';
import { Refusal } from '../refusal.ts';
import { busOf, type DeadLetter, type DeadLetterQueues, lostBatchOf, recordsOf } from './dead-letter.ts';

/** A dead-letter queue of the stack, and what has it for its dead letters: a queue, or the function of a stream. */
interface Queue {
  readonly name: string;
  readonly url: string;
  readonly sourceUrl: string | undefined;
  readonly functionArn: string | undefined;
}

/** A message that was received, and is hidden from everybody else for a while. */
interface Held {
  readonly queue: Queue;
  readonly message: Message;
}

/** How long a message is hidden that is being looked at, in seconds; it is shown again when the command ends. */
const heldSeconds = 300;

/** Most messages that are looked at in one queue. */
export const mostLetters = 1000;

/** Of an event that Lambda takes from a caller that waits, 6 MB are the most ("Lambda quotas"). */
const mostBytesOfAnEvent = 5_000_000;

/**
 * The dead-letter queues of a deployed stack, found by what the account says of its queues and event sources. Where the
 * account is, and who asks, is said by the environment, as to every AWS command line.
 */
export class StackDeadLetters implements DeadLetterQueues {
  readonly #queues: readonly Queue[];
  readonly #clients: Clients;
  readonly #held = new Map<string, Held>();

  private constructor(queues: readonly Queue[], clients: Clients) {
    this.#queues = queues;
    this.#clients = clients;
  }

  /**
   * @param stackName - the stack's name or ARN
   * @throws Refusal if there is no such stack, or the account cannot be asked
   */
  static async open(stackName: string): Promise<StackDeadLetters> {
    const clients: Clients = {
      formation: new CloudFormationClient({}),
      // The URLs name the queues only: where SQS is, is the environment's to say.
      sqs: new SQSClient({ useQueueUrlAsEndpoint: false }),
      lambda: new LambdaClient({}),
      events: new EventBridgeClient({}),
      streams: new DynamoDBStreamsClient({}),
    };
    return inPlainWords(async () => new StackDeadLetters(await findQueues(stackName, clients), clients));
  }

  async *letters(): AsyncGenerator<DeadLetter> {
    const ofEach = this.#queues.map((queue) => inPlainWords(() => this.#lettersOf(queue)));
    for (const letters of await Promise.all(ofEach)) yield* letters;
  }

  async sendBack(letter: DeadLetter): Promise<void> {
    const { queue, message } = this.#held.get(letter.id)!;
    await inPlainWords(async () => {
      const bus = busOf(letter);
      if (bus !== undefined) await this.#putBack(bus, letter);
      else if (queue.sourceUrl !== undefined) {
        await this.#clients.sqs.send(
          new SendMessageCommand({
            QueueUrl: queue.sourceUrl,
            MessageBody: message.Body,
            MessageAttributes: message.MessageAttributes,
          }),
        );
      } else await this.#handOver(queue, letter);
      await this.#clients.sqs.send(
        new DeleteMessageCommand({ QueueUrl: queue.url, ReceiptHandle: message.ReceiptHandle }),
      );
      this.#held.delete(letter.id);
    });
  }

  async close(): Promise<void> {
    const { sqs } = this.#clients;
    await Promise.allSettled(
      [...this.#held.values()].map(({ queue, message }) =>
        sqs.send(
          new ChangeMessageVisibilityCommand({
            QueueUrl: queue.url,
            ReceiptHandle: message.ReceiptHandle,
            VisibilityTimeout: 0,
          }),
        ),
      ),
    );
    for (const client of Object.values(this.#clients) as readonly { destroy(): void }[]) client.destroy();
  }

  async #lettersOf(queue: Queue): Promise<readonly DeadLetter[]> {
    const letters = new Map<string, DeadLetter>(); // SQS may hand out a message twice
    while (letters.size < mostLetters) {
      const messages = await this.#receive(queue);
      if (messages.length === 0) break;
      for (const message of messages) {
        this.#held.set(message.MessageId!, { queue, message });
        letters.set(message.MessageId!, letterOf(queue, message));
      }
    }
    return [...letters.values()];
  }

  async #receive({ url }: Queue): Promise<readonly Message[]> {
    const { Messages: messages = [] } = await this.#clients.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: url,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: heldSeconds,
        WaitTimeSeconds: 1, // asks all of SQS's servers, not some
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['SentTimestamp'],
      }),
    );
    return messages;
  }

  /** Publishes an event that a rule could not deliver on its bus once more. */
  async #putBack(bus: string, { body }: DeadLetter): Promise<void> {
    const event = JSON.parse(body) as Readonly<Record<string, unknown>>;
    const { Entries: entries } = await this.#clients.events.send(
      new PutEventsCommand({
        Entries: [
          {
            EventBusName: bus,
            Source: String(event['source']),
            DetailType: String(event['detail-type']),
            Detail: JSON.stringify(event['detail']),
          },
        ],
      }),
    );
    const [entry] = entries ?? [];
    if (entry?.EventId === undefined) throw new Refusal(`The bus ${bus} does not take it: ${entry?.ErrorMessage}`);
  }

  /** Hands the function of a stream the records that were put aside. */
  async #handOver({ name, functionArn }: Queue, letter: DeadLetter): Promise<void> {
    if (functionArn === undefined) throw new Refusal(`Nothing in the stack has ${name} for its dead letters.`);
    for (const records of inEvents(await this.#recordsOf(letter))) {
      const { FunctionError: error, Payload: payload } = await this.#clients.lambda.send(
        new InvokeCommand({ FunctionName: functionArn, Payload: JSON.stringify({ Records: records }) }),
      );
      const result = JSON.parse(payload?.transformToString() ?? 'null') as Partial<DynamoDBBatchResponse> | null;
      if (error !== undefined || result?.batchItemFailures?.length !== 0) {
        throw new Refusal(`The function ${functionArn.split(':').at(-1)} has failed once more; its log says why.`);
      }
    }
  }

  async #recordsOf({ body }: DeadLetter): Promise<readonly unknown[]> {
    const records = recordsOf(body);
    if (records !== undefined) return records;
    const batch = lostBatchOf(body);
    if (batch === undefined) throw new Refusal('It is no record of a stream.');
    try {
      return await readRecords(this.#clients.streams, batch);
    } catch (error) {
      if (!['TrimmedDataAccessException', 'ResourceNotFoundException'].includes((error as Error).name)) throw error;
      throw new Refusal('The stream has let go of its records, which it keeps for 24 hours.', { cause: error });
    }
  }
}

interface Clients {
  readonly formation: CloudFormationClient;
  readonly sqs: SQSClient;
  readonly lambda: LambdaClient;
  readonly events: EventBridgeClient;
  readonly streams: DynamoDBStreamsClient;
}

/** The queues of a stack that another of its queues, or an event source, has for its dead letters. */
async function findQueues(stackName: string, { formation, sqs, lambda }: Clients): Promise<readonly Queue[]> {
  const ids = new Map<string, string[]>();
  for await (const page of paginateListStackResources({ client: formation }, { StackName: stackName })) {
    for (const { ResourceType: type = '', PhysicalResourceId: id } of page.StackResourceSummaries ?? []) {
      if (id !== undefined) ids.set(type, [...(ids.get(type) ?? []), id]);
    }
  }
  const queues = await Promise.all(
    (ids.get('AWS::SQS::Queue') ?? []).map(async (url) => {
      const { Attributes: attributes = {} } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn', 'RedrivePolicy'] }),
      );
      const redrive = JSON.parse(attributes.RedrivePolicy ?? '{}') as { readonly deadLetterTargetArn?: string };
      return { url, arn: attributes.QueueArn!, deadLetters: redrive.deadLetterTargetArn };
    }),
  );
  const mappings = await Promise.all(
    (ids.get('AWS::Lambda::EventSourceMapping') ?? []).map((UUID) =>
      lambda.send(new GetEventSourceMappingCommand({ UUID })),
    ),
  );
  return queues
    .filter(({ deadLetters }) => deadLetters === undefined)
    .map(({ url, arn }) => ({
      url,
      name: arn.split(':').at(-1)!,
      sourceUrl: queues.find(({ deadLetters }) => deadLetters === arn)?.url,
      functionArn: mappings.find(({ DestinationConfig: config }) => config?.OnFailure?.Destination === arn)
        ?.FunctionArn,
    }))
    .toSorted((one, other) => one.name.localeCompare(other.name));
}

const letterOf = ({ name }: Queue, message: Message): DeadLetter => ({
  id: message.MessageId!,
  queue: name,
  sentAt: new Date(Number(message.Attributes?.SentTimestamp ?? 0)),
  body: message.Body ?? '',
  attributes: Object.fromEntries(
    Object.entries(message.MessageAttributes ?? {}).map(([key, { StringValue: value = '' }]) => [key, value]),
  ),
});

/** Records in lots that an event can hold. */
function* inEvents(records: readonly unknown[]): Generator<readonly unknown[]> {
  let lot: unknown[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = Buffer.byteLength(JSON.stringify(record));
    if (lot.length > 0 && bytes + size > mostBytesOfAnEvent) {
      yield lot;
      [lot, bytes] = [[], 0];
    }
    lot.push(record);
    bytes += size;
  }
  if (lot.length > 0) yield lot;
}

/** What the account, or the way to it, has against a call, in a sentence. */
async function inPlainWords<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const { name, message } = error as Error;
    throw new Refusal(
      name === 'CredentialsProviderError'
        ? 'There are no credentials for AWS: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.'
        : message === 'Region is missing'
          ? 'Which region the stack is in is not said: set AWS_REGION.'
          : `AWS says ${name}: ${message}`,
      { cause: error },
    );
  }
}
