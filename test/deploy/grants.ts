import {
  DeleteRolePolicyCommand,
  GetRolePolicyCommand,
  type IAMClient,
  ListRolePoliciesCommand,
  ListRolesCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';

/** An action on a resource that the role of a function allows. */
export interface Grant {
  readonly roleName: string;
  readonly action: string;
  readonly resource: string;
}

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}

/** Returns the grants of the role of a deployed function. */
export async function grantsOf(iam: IAMClient, functionName: string): Promise<readonly Grant[]> {
  const { Roles = [] } = await iam.send(new ListRolesCommand());
  const roleName = Roles.map((role) => role.RoleName!).find((name) => name.includes(`-${functionName}Role`))!;
  const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName: roleName }));
  const policies = await Promise.all(
    PolicyNames.map((name) => iam.send(new GetRolePolicyCommand({ RoleName: roleName, PolicyName: name }))),
  );
  return policies
    .flatMap(({ PolicyDocument }): Statement[] => JSON.parse(decodeURIComponent(PolicyDocument!)).Statement)
    .flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) => [Resource].flat().map((resource) => ({ roleName, action, resource }))),
    );
}

/** Denies a grant while an action runs, and returns the result of the action. */
export async function without<Result>(iam: IAMClient, grant: Grant, act: () => Promise<Result>): Promise<Result> {
  const withheld = { RoleName: grant.roleName, PolicyName: `Withheld-${grant.action.replace(':', '-')}` };
  const Statement = [{ Effect: 'Deny', Action: grant.action, Resource: grant.resource }];
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iam.send(new PutRolePolicyCommand({ ...withheld, PolicyDocument }));
  try {
    return await act();
  } finally {
    await iam.send(new DeleteRolePolicyCommand(withheld));
  }
}
