/** Messages of all log lines of the functions. Tests and log queries find a line by its message. */
export const logMessages = {
  request: 'request',
  serverError: 'server error',
  command: 'command',
  commandFailed: 'command failed, will be retried',
  notifications: 'notifications',
  recordSentToDeadLetterQueue: 'record sent to dead-letter queue',
  unknownItem: 'unknown item',
  historyFull: 'history full',
  pendingChangeCompleted: 'pending change completed',
  imageData: 'image data',
  importGivenUp: 'import given up after its last attempt',
  expiry: 'expiry',
  pendingChangeCompletionFailed: 'pending change completion failed',
} as const;
export type LogMessage = (typeof logMessages)[keyof typeof logMessages];
