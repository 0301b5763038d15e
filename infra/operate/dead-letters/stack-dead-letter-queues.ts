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
import { readRecords } from '../../local/dynamodb/stream-reader.ts';
import { UsageError } from '../../usage-error.ts';
import { awsClientSettings } from '../aws/aws-client-settings.ts';
import { withUsageErrors } from '../aws/aws-errors.ts';
import {
  sourceBus,
  type DeadLetter,
  type DeadLetterQueues,
  parseJsonObject,
  CannotRedriveError,
  parseDiscardedBatch,
  parseRecords,
  type Warning,
} from './dead-letter-queues.ts';

/** A dead-letter queue of the stack and its source: a queue, a stream consumer, or otherwise a rule. */
interface Queue {
  readonly name: string;
  readonly url: string;
  /** URL of the source queue. */
  readonly sourceUrl: string | undefined;
  /** ARN of the stream consumer. */
  readonly functionArn: string | undefined;
  /** Number of messages that another consumer had received before. */
  readonly hiddenCount: number;
}

/** A received message, which is hidden from other consumers until the visibility timeout. */
interface ReceivedMessage {
  readonly queue: Queue;
  readonly message: Message;
}

/** Maximum duration of a command; a command that ends earlier makes its messages visible again. */
const visibilityTimeoutSeconds = 600;

/** Maximum number of messages that a command reads from one queue. */
const maxMessagesPerQueue = 1000;

/** Less than the 6 MB that Lambda allows for a synchronous invocation ("Lambda quotas"). */
const maxPayloadBytes = 5_000_000;

/**
 * The dead-letter queues of a deployed stack. They are found through the stack's resources in the account. The
 * environment selects account, region and credentials as for every AWS command line.
 */
export class StackDeadLetterQueues implements DeadLetterQueues {
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
   * Finds the queues of a stack.
   *
   * @param stackName - name or ARN of the stack
   * @param signal - stops the reading of dead letters
   * @throws UsageError if the stack is missing or AWS cannot be called
   */
  static async open(stackName: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<StackDeadLetterQueues> {
    const config = awsClientSettings(env);
    const clients: Clients = {
      formation: new CloudFormationClient(config),
      // The endpoint comes from the environment, because the host of a queue URL may be wrong for an emulator.
      sqs: new SQSClient({ ...config, useQueueUrlAsEndpoint: false }),
      lambda: new LambdaClient(config),
      events: new EventBridgeClient(config),
      streams: new DynamoDBStreamsClient(config),
    };
    return withUsageErrors(async () => new StackDeadLetterQueues(await findStack(stackName, clients), clients, signal));
  }

  async list(): Promise<readonly DeadLetter[]> {
    const { queues } = this.#stack;
    const outcomes = await Promise.allSettled(queues.map((queue) => withUsageErrors(() => this.#readQueue(queue))));
    for (const [index, outcome] of outcomes.entries()) {
      const { name, hiddenCount } = queues[index]!;
      if (outcome.status === 'rejected') {
        if (!(outcome.reason instanceof UsageError)) throw outcome.reason;
        this.#warn(`${name} could not be read: ${outcome.reason.message}`, true);
      } else if (outcome.value.length >= maxMessagesPerQueue) {
        this.#warn(`${name} may contain more than the ${outcome.value.length} dead letters that were read.`);
      }
      if (hiddenCount > 0) {
        this.#warn(`${name} contains about ${hiddenCount} more, which another consumer has received; try again later.`);
      }
    }
    return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []));
  }

  warnings(): readonly Warning[] {
    return this.#warnings;
  }

  #warn(sentence: string, isFailure = false): void {
    this.#warnings.push({ sentence, isFailure });
  }

  async redrive(deadLetter: DeadLetter): Promise<void> {
    const { queue, message } = this.#received.get(deadLetter.id)!;
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
      } else if (queue.functionArn !== undefined) await this.#invokeFunction(queue.functionArn, deadLetter);
      else await this.#republish(deadLetter);
    });
    try {
      await this.#clients.sqs.send(
        new DeleteMessageCommand({ QueueUrl: queue.url, ReceiptHandle: message.ReceiptHandle }),
      );
    } catch (error) {
      throw new UsageError(
        `${deadLetter.id} was redriven but could not be deleted from ${queue.name}; another redrive would process it twice: ${(error as Error).message}`,
        { cause: error },
      );
    }
    this.#received.delete(deadLetter.id);
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
        `${failed.length} dead letter(s) stay hidden for up to ${minutes} minutes: ${(failed[0].reason as Error).message}`,
      );
    }
  }

  async #readQueue(queue: Queue): Promise<readonly DeadLetter[]> {
    const deadLetters = new Map<string, DeadLetter>(); // by id, because SQS may deliver a message twice
    while (deadLetters.size < maxMessagesPerQueue && !this.#signal.aborted) {
      const messages = await this.#receive(queue);
      if (messages.length === 0) break;
      for (const message of messages) {
        this.#received.set(message.MessageId!, { queue, message });
        deadLetters.set(message.MessageId!, toDeadLetter(queue, message));
      }
    }
    return [...deadLetters.values()].sort((left, right) => left.sentAt.getTime() - right.sentAt.getTime());
  }

  async #receive({ url }: Queue): Promise<readonly Message[]> {
    const { Messages: messages = [] } = await this.#clients.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: url,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: visibilityTimeoutSeconds,
        WaitTimeSeconds: 1, // queries all servers of SQS instead of a subset
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['SentTimestamp'],
      }),
    );
    return messages;
  }

  /** Publishes an event that a rule could not deliver to its bus again. The bus must belong to the stack. */
  async #republish(deadLetter: DeadLetter): Promise<void> {
    const bus = sourceBus(deadLetter);
    if (bus === undefined || !this.#stack.buses.includes(bus)) {
      throw new CannotRedriveError('Its source is not a queue, a stream or a bus of the stack.');
    }
    const event = parseJsonObject(deadLetter.body);
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
    if (entry?.EventId === undefined) {
      throw new CannotRedriveError(`Publishing to the bus ${bus} failed: ${entry?.ErrorMessage}`);
    }
  }

  /** Invokes a stream consumer with the records of a dead letter. */
  async #invokeFunction(functionArn: string, deadLetter: DeadLetter): Promise<void> {
    for (const records of splitByPayloadSize(await this.#readRecords(deadLetter))) {
      const { FunctionError: error, Payload: payload } = await this.#clients.lambda.send(
        new InvokeCommand({ FunctionName: functionArn, Payload: JSON.stringify({ Records: records }) }),
      );
      const result = JSON.parse(payload?.transformToString() ?? 'null') as Partial<DynamoDBBatchResponse> | null;
      if (error !== undefined || result?.batchItemFailures?.length !== 0) {
        throw new CannotRedriveError(`The function ${functionArn.split(':').at(-1)} failed again; see its log.`);
      }
    }
  }

  async #readRecords({ body }: DeadLetter): Promise<readonly unknown[]> {
    const records = parseRecords(body) as readonly DynamoDBRecord[] | undefined;
    if (records?.some(({ dynamodb }) => dynamodb?.NewImage === undefined) === true) {
      throw new CannotRedriveError(
        'The dead letter does not contain the item, which is too large for a queue; read the item from the table.',
      );
    }
    if (records !== undefined) return records;
    const batch = parseDiscardedBatch(body);
    if (batch === undefined) throw new CannotRedriveError('It does not contain a record of a stream.');
    try {
      return await readRecords(this.#clients.streams, batch);
    } catch (error) {
      if (!['TrimmedDataAccessException', 'ResourceNotFoundException'].includes((error as Error).name)) throw error;
      throw new CannotRedriveError('The stream has deleted the records, which it keeps for 24 hours.', {
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
  /** The dead-letter queues of queues, event sources and rules. */
  readonly queues: readonly Queue[];
  /** Names of the buses. */
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
        deadLetterQueueArn: redrive.deadLetterTargetArn,
        hiddenCount: Number(attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
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
      .filter(({ deadLetterQueueArn }) => deadLetterQueueArn === undefined)
      .map(({ url, arn, hiddenCount }) => ({
        url,
        hiddenCount,
        name: arn.split(':').at(-1)!,
        sourceUrl: queues.find(({ deadLetterQueueArn }) => deadLetterQueueArn === arn)?.url,
        functionArn: mappings.find(({ DestinationConfig: config }) => config?.OnFailure?.Destination === arn)
          ?.FunctionArn,
      }))
      .toSorted((left, right) => left.name.localeCompare(right.name)),
  };
}

const toDeadLetter = ({ name }: Queue, message: Message): DeadLetter => ({
  id: message.MessageId!,
  queue: name,
  sentAt: new Date(Number(message.Attributes?.SentTimestamp ?? 0)),
  body: message.Body ?? '',
  attributes: Object.fromEntries(
    Object.entries(message.MessageAttributes ?? {}).map(([key, { StringValue: value = '' }]) => [key, value]),
  ),
});

/** Splits records into batches that fit into one invocation. */
function* splitByPayloadSize(records: readonly unknown[]): Generator<readonly unknown[]> {
  let batch: unknown[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = Buffer.byteLength(JSON.stringify(record));
    if (batch.length > 0 && bytes + size > maxPayloadBytes) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(record);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
