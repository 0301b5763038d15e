import { CfnOutput, type Stack } from 'aws-cdk-lib/core';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';

/**
 * Adds the outputs of a stack.
 *
 * @param outputs - values by output name; an undefined value is left out
 * @param parameterPrefix - path such as `/image-sharing/prod`: each output is also a parameter of Systems Manager, whose
 *   name is the path and the name of the output in kebab case, such as `/image-sharing/prod/api-url`
 */
export function addStackOutputs(
  stack: Stack,
  outputs: Readonly<Record<string, string | undefined>>,
  parameterPrefix?: string,
): void {
  for (const [name, value] of Object.entries(outputs)) {
    if (value === undefined) continue;
    new CfnOutput(stack, name, { value });
    if (parameterPrefix === undefined) continue;
    const parameterName = `${parameterPrefix}/${name.replaceAll(/(?<=.)[A-Z]/g, '-$&').toLowerCase()}`;
    new StringParameter(stack, `${name}Parameter`, { parameterName, stringValue: value });
  }
}
