/** `npm run orphaned-objects`: lists or deletes the objects of a deployed stack's bucket that are the data of no image. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { parseArguments } from '../parse-arguments.ts';
import { ArgumentError, runCommand } from '../usage-error.ts';
import { awsClientSettings } from './aws/aws-client-settings.ts';
import { withUsageErrors } from './aws/aws-errors.ts';
import { readStackOutput } from './aws/read-stack-output.ts';
import { confirm } from './confirm.ts';
import { deleteOrphanedObjects, listOrphanedObjects, type Output } from './image-data/orphaned-objects.ts';

const usage = `Usage: npm run orphaned-objects -- --stack <name> [--delete [--yes]]

Lists the objects of a deployed stack that are the data of no image, or deletes them. Objects that are younger than a
day are ignored. AWS_REGION and AWS_PROFILE select the stack's region and account.

  --delete  deletes the listed objects after a confirmation
  --yes     deletes without a confirmation`;

const options = { stack: { type: 'string' }, delete: { type: 'boolean' }, yes: { type: 'boolean' } } as const;

/** Age from which no import can activate an object: much more than the 15 minutes of the worker. */
const minAgeMilliseconds = 24 * 60 * 60 * 1000;

const output: Output = { result: console.log, progress: console.error };

await runCommand(usage, async (args) => {
  const { stack, delete: isDeletion = false, yes = false } = parseArguments(args, options).values;
  if (stack === undefined) throw new ArgumentError('"--stack" must be the name of a deployed stack.');
  if (yes && !isDeletion) throw new ArgumentError('"--yes" requires "--delete".');
  const stackOutput = (output: 'ImageBucketName' | 'TableName') => readStackOutput(stack, output, process.env);
  const [bucket, tableName] = [await stackOutput('ImageBucketName'), await stackOutput('TableName')];
  const settings = awsClientSettings(process.env);
  const s3 = new S3Client(settings);
  const dynamodb = new DynamoDBClient(settings);
  const before = new Date(Date.now() - minAgeMilliseconds);
  try {
    await withUsageErrors(async () => {
      const found = { s3, dynamodb, bucket, tableName };
      const count = await listOrphanedObjects(found, before, output);
      if (count === 0 || !isDeletion) return;
      if (!yes && !(await confirm('stack', stack, 'delete these objects'))) {
        console.log('Nothing was deleted.');
        return;
      }
      await deleteOrphanedObjects(found, before, output);
    });
  } finally {
    s3.destroy();
    dynamodb.destroy();
  }
});
