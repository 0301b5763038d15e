import type { ServiceAccount } from './settings.ts';

/**
 * Parses the secret of a service account: a JSON object with `application_credential_id` and
 * `application_credential_secret`, or with `username`, `password`, `project_name`, `user_domain_id` and
 * `project_domain_id` (both `default` if absent), as in the `auth` section of a clouds.yaml.
 *
 * @throws Error that names the missing fields and contains no value of the secret
 */
export function parseServiceAccount(secret: string): ServiceAccount {
  const fields = fieldsOf(secret);
  const missing: string[] = [];
  const text = (name: string, defaultValue?: string): string => {
    const value = fields[name] ?? defaultValue;
    if (typeof value === 'string' && value !== '') return value;
    missing.push(name);
    return '';
  };
  const account: ServiceAccount =
    'application_credential_id' in fields
      ? {
          applicationCredentialId: text('application_credential_id'),
          applicationCredentialSecret: text('application_credential_secret'),
        }
      : {
          username: text('username'),
          password: text('password'),
          projectName: text('project_name'),
          userDomainId: text('user_domain_id', 'default'),
          projectDomainId: text('project_domain_id', 'default'),
        };
  if (missing.length > 0)
    throw new Error(`The secret of the service account must have ${missing.map((name) => `"${name}"`).join(', ')}.`);
  return account;
}

function fieldsOf(secret: string): Readonly<Record<string, unknown>> {
  let fields: unknown;
  try {
    fields = JSON.parse(secret);
  } catch {
    // The parser's message quotes the secret, so the error below replaces it.
  }
  if (typeof fields === 'object' && fields !== null) return fields as Readonly<Record<string, unknown>>;
  throw new Error('The secret of the service account must be a JSON object.');
}

/** Returns the request body that authenticates an account (Identity API v3, `POST /v3/auth/tokens`). */
export const authRequestBody = (account: ServiceAccount): object =>
  'applicationCredentialId' in account
    ? {
        auth: {
          identity: {
            methods: ['application_credential'],
            application_credential: {
              id: account.applicationCredentialId,
              secret: account.applicationCredentialSecret,
            },
          },
        },
      }
    : {
        auth: {
          identity: {
            methods: ['password'],
            password: {
              user: { name: account.username, password: account.password, domain: { id: account.userDomainId } },
            },
          },
          scope: { project: { name: account.projectName, domain: { id: account.projectDomainId } } },
        },
      };
