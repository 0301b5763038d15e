import { loadConfig } from './config.ts';
import { discoveryHandler } from '../http/discovery-handler.ts';
import { createTokenVerifier } from '../identity/token-verifier.ts';
import { log } from '../runtime/log.ts';
import { readSecret } from './read-secret.ts';

const config = loadConfig(process.env, ['identity', 'publicUrl']);

/** Versions, schemas, and every path that is no route of another function. */
export const handler = discoveryHandler({
  identity: createTokenVerifier(config, readSecret),
  log,
  publicUrl: config.publicUrl,
});
