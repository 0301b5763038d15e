import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from './project-folder.ts';

/**
 * Context of `cdk.json`: the feature flags of the CDK. An app that runs without the CDK command line requires it to
 * synthesize the same template.
 */
export const cdkContext = (
  JSON.parse(readFileSync(join(projectFolder, 'cdk.json'), 'utf8')) as {
    readonly context: Record<string, unknown>;
  }
).context;
