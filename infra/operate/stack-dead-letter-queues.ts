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
import type { DynamoDBBatchResponse, DynamoDBRecord } from 'aws-lambda';
import { readRecords } from '../local/dynamodb/stream-reader.ts';
import { UsageError } from '../usage-error.ts';
import {
  sourceBus,
  type DeadLetter,
  type DeadLetterQueues,
  fieldsOf,
  CannotRedriveError,
  parseDiscardedBatch,
  parseRecords,
  type Warning,
} from './dead-letter-queues.ts';

/** A dead-letter queue of the stack, and what has it for its dead letters: a queue, or the function of a stream. */
interface Queue {
  readonly name: string;
  readonly url: string;
  readonly sourceUrl: string | undefined;
  readonly functionArn: string | undefined;
  /** How many messages were hidden when it was found: somebody else is looking at them. */
  readonly hidden: number;
}

/** A message that was received, and is hidden from everybody else for a while. */
interface ReceivedMessage {
  readonly queue: Queue;
  readonly message: Message;
}

/** How long a message is hidden that is being looked at, in seconds; it is shown again when the command ends. */
const visibilityTimeoutSeconds = 600;

/** Most messages that are looked at in one queue. */
const maxMessagesPerQueue = 1000;

/** Of an event that Lambda takes from a caller that waits, 6 MB are the most ("Lambda quotas"). */
const maxPayloadBytes = 5_000_000;

/**
 * The dead-letter queues of a deployed stack, found by what the account says of its queues and event sources. Where the
 * account is, and who asks, is said by the environment, as to every AWS command line.
 */
export class StackDeadLetters implements DeadLetterQueues {
  readonly #stack: FoundStack;
  readonly #clients: Clients;
  readonly #signal: AbortSignal;
  readonly #received = new Map<string, ReceivedMessage>();
  readonly #warnings: Warning[] = [];

  private constructor(stack: FoundStack, clients: Clients, signal: AbortSignal) {
    this.#stack = stack;
    this.#clients = clients;
    this.#signal = signal;
  }

  /**
   * @param stackName - the stack's name or ARN
   * @param signal - aborted when no more is to be looked at
   * @throws Refusal if there is no such stack, or the account cannot be asked
   */
  static async open(stackName: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<StackDeadLetters> {
    const region = env['AWS_REGION'] || env['AWS_DEFAULT_REGION'];
    const place = region ? { region } : {};
    const clients: Clients = {
      formation: new CloudFormationClient(place),
      // The URLs name the queues only: where SQS is, is the environment's to say.
      sqs: new SQSClient({ ...place, useQueueUrlAsEndpoint: false }),
      lambda: new LambdaClient(place),
      events: new EventBridgeClient(place),
      streams: new DynamoDBStreamsClient(place),
    };
    return withUsageErrors(async () => new StackDeadLetters(await findStack(stackName, clients), clients, signal));
  }

  async list(): Promise<readonly DeadLetter[]> {
    const { queues } = this.#stack;
    const ofEach = await Promise.allSettled(queues.map((queue) => withUsageErrors(() => this.#lettersOf(queue))));
    for (const [n, outcome] of ofEach.entries()) {
      const { name, hidden } = queues[n]!;
      if (outcome.status === 'rejected') {
        if (!(outcome.reason instanceof UsageError)) throw outcome.reason;
        this.#warn(`${name} could not be looked into: ${outcome.reason.message}`, true);
      } else if (outcome.value.length >= maxMessagesPerQueue) {
        this.#warn(`${name} may hold more than the ${outcome.value.length} that were looked at.`);
      }
      if (hidden > 0) {
        this.#warn(`${name} holds about ${hidden} more, which somebody else is looking at; try again later.`);
      }
    }
    return ofEach.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []));
  }

  warnings(): readonly Warning[] {
    return this.#warnings;
  }

  #warn(sentence: string, isFault = false): void {
    this.#warnings.push({ sentence, isFault });
  }

  async redrive(letter: DeadLetter): Promise<void> {
    const { queue, message } = this.#received.get(letter.id)!;
    await withUsageErrors(async () => {
      if (queue.sourceUrl !== undefined) {
        await this.#clients.sqs.send(
          new SendMessageCommand({
            QueueUrl: queue.sourceUrl,
            MessageBody: message.Body,
            MessageAttributes: message.MessageAttributes,
            DelaySeconds: 0,
          }),
        );
      } else if (queue.functionArn !== undefined) await this.#invokeFunction(queue.functionArn, letter);
      else await this.#republish(letter);
    });
    try {
      await this.#clients.sqs.send(
        new DeleteMessageCommand({ QueueUrl: queue.url, ReceiptHandle: message.ReceiptHandle }),
      );
    } catch (error) {
      throw new UsageError(
        `${letter.id} was sent back but could not be taken out of ${queue.name}, so it would be handled twice: ${(error as Error).message}`,
        { cause: error },
      );
    }
    this.#received.delete(letter.id);
  }

  async close(): Promise<void> {
    const { sqs } = this.#clients;
    const releases = await Promise.allSettled(
      [...this.#received.values()].map(({ queue, message }) =>
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
    const failed = releases.filter((release) => release.status === 'rejected');
    if (failed[0] !== undefined) {
      const minutes = visibilityTimeoutSeconds / 60;
      throw new UsageError(
        `${failed.length} of those looked at stay hidden for ${minutes} minutes: ${(failed[0].reason as Error).message}`,
      );
    }
  }

  async #lettersOf(queue: Queue): Promise<readonly DeadLetter[]> {
    const list = new Map<string, DeadLetter>(); // SQS may hand out a message twice
    while (list.size < maxMessagesPerQueue && !this.#signal.aborted) {
      const messages = await this.#receive(queue);
      if (messages.length === 0) break;
      for (const message of messages) {
        this.#received.set(message.MessageId!, { queue, message });
        list.set(message.MessageId!, letterOf(queue, message));
      }
    }
    return [...list.values()].sort((one, other) => one.sentAt.getTime() - other.sentAt.getTime());
  }

  async #receive({ url }: Queue): Promise<readonly Message[]> {
    const { Messages: messages = [] } = await this.#clients.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: url,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: visibilityTimeoutSeconds,
        WaitTimeSeconds: 1, // asks all of SQS's servers, not some
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['SentTimestamp'],
      }),
    );
    return messages;
  }

  /** Publishes an event that a rule could not deliver on its bus once more, if the bus is the stack's. */
  async #republish(letter: DeadLetter): Promise<void> {
    const bus = sourceBus(letter);
    if (bus === undefined || !this.#stack.buses.includes(bus)) {
      throw new CannotRedriveError('It came neither from a queue nor from a stream nor from a bus of the stack.');
    }
    const event = fieldsOf(letter.body);
    const { Entries: entries } = await this.#clients.events.send(
      new PutEventsCommand({
        Entries: [
          {
            EventBusName: bus,
            Source: String(event['source']),
            DetailType: String(event['detail-type']),
            Detail: JSON.stringify(event['detail']),
            ...(typeof event['time'] === 'string' && { Time: new Date(event['time']) }),
          },
        ],
      }),
    );
    const [entry] = entries ?? [];
    if (entry?.EventId === undefined)
      throw new CannotRedriveError(`The bus ${bus} does not take it: ${entry?.ErrorMessage}`);
  }

  /** Hands the function of a stream the records that were put aside. */
  async #invokeFunction(functionArn: string, letter: DeadLetter): Promise<void> {
    for (const records of splitByPayloadSize(await this.#parseRecords(letter))) {
      const { FunctionError: error, Payload: payload } = await this.#clients.lambda.send(
        new InvokeCommand({ FunctionName: functionArn, Payload: JSON.stringify({ Records: records }) }),
      );
      const result = JSON.parse(payload?.transformToString() ?? 'null') as Partial<DynamoDBBatchResponse> | null;
      if (error !== undefined || result?.batchItemFailures?.length !== 0) {
        throw new CannotRedriveError(
          `The function ${functionArn.split(':').at(-1)} has failed once more; its log says why.`,
        );
      }
    }
  }

  async #parseRecords({ body }: DeadLetter): Promise<readonly unknown[]> {
    const records = parseRecords(body) as readonly DynamoDBRecord[] | undefined;
    if (records?.some(({ dynamodb }) => dynamodb?.NewImage === undefined) === true) {
      throw new CannotRedriveError(
        'The record was put aside without its item, which no queue could hold: look at the item.',
      );
    }
    if (records !== undefined) return records;
    const batch = parseDiscardedBatch(body);
    if (batch === undefined) throw new CannotRedriveError('It is no record of a stream.');
    try {
      return await readRecords(this.#clients.streams, batch);
    } catch (error) {
      if (!['TrimmedDataAccessException', 'ResourceNotFoundException'].includes((error as Error).name)) throw error;
      throw new CannotRedriveError('The stream has let go of its records, which it keeps for 24 hours.', {
        cause: error,
      });
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

interface FoundStack {
  /** Those that another queue of the stack, an event source or a rule has for its dead letters. */
  readonly queues: readonly Queue[];
  /** The names of its buses. */
  readonly buses: readonly string[];
}

async function findStack(stackName: string, { formation, sqs, lambda }: Clients): Promise<FoundStack> {
  const ids = new Map<string, string[]>();
  for await (const page of paginateListStackResources({ client: formation }, { StackName: stackName })) {
    for (const { ResourceType: type = '', PhysicalResourceId: id } of page.StackResourceSummaries ?? []) {
      if (id !== undefined) ids.set(type, [...(ids.get(type) ?? []), id]);
    }
  }
  const queues = await Promise.all(
    (ids.get('AWS::SQS::Queue') ?? []).map(async (url) => {
      const { Attributes: attributes = {} } = await sqs.send(
        new GetQueueAttributesCommand({
          QueueUrl: url,
          AttributeNames: ['QueueArn', 'RedrivePolicy', 'ApproximateNumberOfMessagesNotVisible'],
        }),
      );
      const redrive = JSON.parse(attributes.RedrivePolicy ?? '{}') as { readonly deadLetterTargetArn?: string };
      return {
        url,
        arn: attributes.QueueArn!,
        deadLetters: redrive.deadLetterTargetArn,
        hidden: Number(attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
      };
    }),
  );
  const mappings = await Promise.all(
    (ids.get('AWS::Lambda::EventSourceMapping') ?? []).map((UUID) =>
      lambda.send(new GetEventSourceMappingCommand({ UUID })),
    ),
  );
  return {
    buses: ids.get('AWS::Events::EventBus') ?? [],
    queues: queues
      .filter(({ deadLetters }) => deadLetters === undefined)
      .map(({ url, arn, hidden }) => ({
        url,
        hidden,
        name: arn.split(':').at(-1)!,
        sourceUrl: queues.find(({ deadLetters }) => deadLetters === arn)?.url,
        functionArn: mappings.find(({ DestinationConfig: config }) => config?.OnFailure?.Destination === arn)
          ?.FunctionArn,
      }))
      .toSorted((one, other) => one.name.localeCompare(other.name)),
  };
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
function* splitByPayloadSize(records: readonly unknown[]): Generator<readonly unknown[]> {
  let lot: unknown[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = Buffer.byteLength(JSON.stringify(record));
    if (lot.length > 0 && bytes + size > maxPayloadBytes) {
      yield lot;
      [lot, bytes] = [[], 0];
    }
    lot.push(record);
    bytes += size;
  }
  if (lot.length > 0) yield lot;
}

/** What the account, or the way to it, has against a call, in a sentence; what is neither is thrown as it is. */
async function withUsageErrors<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    const { name, message, code } = error as NodeJS.ErrnoException;
    const sentence =
      name === 'CredentialsProviderError'
        ? `There are no credentials for AWS (${message}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`
        : message === 'Region is missing'
          ? 'Which region the stack is in is not said: set AWS_REGION.'
          : '$fault' in (error as Error)
            ? `AWS says ${name}: ${message}`
            : code !== undefined || name === 'TimeoutError'
              ? `AWS cannot be asked: ${message}`
              : undefined;
    if (sentence === undefined || error instanceof UsageError) throw error;
    throw new UsageError(sentence, { cause: error });
  }
}
