/**
 * The least that a function can do: the calls that a request makes, by a default document client. The benchmark bundles
 * it and measures the functions beside it.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';

/** One call as the document client takes it. */
export interface BareCall {
  readonly action: keyof typeof commands;
  readonly input: any;
}

const commands = {
  BatchGetItem: BatchGetCommand,
  Query: QueryCommand,
  TransactWriteItems: TransactWriteCommand,
  UpdateItem: UpdateCommand,
} as const;

const documents = DynamoDBDocumentClient.from(new DynamoDBClient({}));

/** Sends calls: round after round, those of one round in parallel. */
export async function handler(rounds: readonly (readonly BareCall[])[]): Promise<void> {
  for (const round of rounds) {
    await Promise.all(round.map(({ action, input }) => documents.send(new commands[action](input) as never)));
  }
}
