import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiDocumentFile, loadConfig } from './config.ts';
import { discoveryHandler } from '../http/discovery-handler.ts';
import type { ApiDocument } from '../http/operations/discovery.ts';
import { createTokenVerifier } from '../identity/create-token-verifier.ts';
import { readSecret } from './read-secret.ts';
import { functionTelemetry } from './telemetry.ts';

const config = loadConfig(process.env, ['stackName', 'identity', 'publicUrl', 'hasConsole']);

const identity = createTokenVerifier(config, readSecret);
// Synthesis creates the file from the operation definitions, so that this function does not load them.
const document = JSON.parse(
  readFileSync(join(process.env['LAMBDA_TASK_ROOT'] ?? '', apiDocumentFile), 'utf8'),
) as ApiDocument;

/** Serves the versions, the schemas, the OpenAPI document and all unmatched paths. */
export const handler = discoveryHandler(
  document,
  { identity, telemetry: functionTelemetry(config.stackName), publicUrl: config.publicUrl },
  config.hasConsole,
);
