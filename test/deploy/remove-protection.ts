import { CloudFormationClient, UpdateTerminationProtectionCommand } from '@aws-sdk/client-cloudformation';
import type { Emulator } from './emulator.ts';

/** Removes the protection of a stack against termination. */
export async function removeProtection(emulator: Emulator, StackName: string): Promise<void> {
  const client = new CloudFormationClient(emulator.client);
  await client.send(new UpdateTerminationProtectionCommand({ StackName, EnableTerminationProtection: false }));
  client.destroy();
}
