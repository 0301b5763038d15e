/** `npm run sharing`: a client of the sharing API for the members and owners of images. */
import { runCommand } from '../usage-error.ts';
import { usage } from './sharing/command-line.ts';
import { runSharing } from './sharing/run-sharing.ts';

await runCommand(
  usage,
  async (args) => {
    const isComplete = await runSharing(args, process.env, { result: console.log, remark: console.error });
    if (!isComplete) process.exitCode = 1;
  },
  { usageExitCode: 2 },
);
