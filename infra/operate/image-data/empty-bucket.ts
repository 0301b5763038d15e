import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { S3Client } from '@aws-sdk/client-s3';
import { awsClientSettings } from '../aws/aws-client-settings.ts';
import { withUsageErrors } from '../aws/aws-errors.ts';
import { deployedBucket } from '../aws/deployed-stack.ts';
import { deleteObjects, listObjects } from './objects.ts';

/**
 * Deletes all image data of a stack, because CloudFormation deletes only an empty bucket. It has no effect if the stack,
 * its bucket or an object in it does not exist.
 *
 * @param confirm - returns true to delete; called only if there is an object
 * @param report - receives sentences about the progress
 * @returns false if the operator does not confirm
 * @throws UsageError if AWS refuses a call
 */
export async function emptyBucket(
  stackName: string,
  confirm: () => Promise<boolean>,
  report: (sentence: string) => void,
): Promise<boolean> {
  const settings = awsClientSettings(process.env);
  const formation = new CloudFormationClient(settings);
  const s3 = new S3Client(settings);
  try {
    const bucket = await deployedBucket(formation, stackName);
    if (bucket === undefined) return true;
    return await withUsageErrors(async () => {
      let deleted = 0;
      for await (const objects of listObjects(s3, bucket)) {
        if (objects.length === 0) continue;
        if (deleted === 0) {
          report(`The bucket ${bucket} contains image data, which would be deleted with the stack.`);
          if (!(await confirm())) return false;
        }
        await deleteObjects(s3, bucket, objects);
        deleted += objects.length;
        report(`${deleted} objects deleted.`);
      }
      return true;
    });
  } finally {
    formation.destroy();
    s3.destroy();
  }
}
