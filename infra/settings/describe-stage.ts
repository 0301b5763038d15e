import type { StageWithSettings } from './load-stage.ts';

/**
 * Returns a summary of a stage for its operator: the target of the deployment and each setting with its value. Settings
 * contain no secrets.
 */
export function describeStage(
  { stage, stackName, settings, source }: StageWithSettings,
  target: { readonly account: string; readonly region: string },
): string {
  const { account: _account, region: _region, stackName: _stackName, ...others } = settings;
  const rows = [
    [
      'stage',
      `${stage}${settings.production ? ' (production: data is retained)' : ' (all data is deleted with the stack)'}`,
    ],
    ['stack', stackName],
    ['account', target.account],
    ['region', target.region],
    ...flatten(others),
    ...(settings.identity === undefined ? [['identity', 'none: every token is refused']] : []),
  ] as readonly (readonly [string, string])[];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [`Settings of ${source}:`, ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)].join('\n');
}

/** Returns the values of an object with their paths, such as `identity.kind`. */
function flatten(value: object, prefix = ''): readonly (readonly [string, string])[] {
  return Object.entries(value).flatMap(([name, item]: [string, unknown]): readonly (readonly [string, string])[] =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? flatten(item, `${prefix}${name}.`)
      : [[`${prefix}${name}`, typeof item === 'string' ? item : JSON.stringify(item)]],
  );
}
