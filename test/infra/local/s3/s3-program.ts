/** Runs the local S3 on the folder in the argument until it is killed. */
import { startS3 } from '../../../../infra/local/s3/start-s3.ts';

const { url } = await startS3({ folder: process.argv[2]!, log: process.stderr });
console.log(`S3 at ${url}`);
