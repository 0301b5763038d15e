import { randomUUID } from 'node:crypto';
import type { KeystoneClient } from './keystone-client.ts';
import { adminPassword } from './keystone.ts';

/** A user with a project. */
export interface Persona {
  readonly name: string;
  readonly password: string;
  readonly userId: string;
  readonly projectId: string;
  readonly projectName: string;
}

/** Everyone who plays a part, as the Keystone knows them. */
export interface Cast {
  readonly alice: Persona;
  readonly bob: Persona;
  /** A reader of alice's project. */
  readonly roz: Persona;
  /** An admin of bob's project. */
  readonly boss: Persona;
  /** In alice's project, with a role that means nothing here. */
  readonly norman: Persona;
  /** The account that the image service asks with. */
  readonly image: Persona;
  /** The token of the Keystone's own administrator. */
  readonly adminToken: string;
}

/** Makes two projects and one for services, and the users in them. */
export async function engage(keystone: KeystoneClient): Promise<Cast> {
  const scope = { project: { name: 'admin', domain: { id: 'default' } } };
  const { token: adminToken } = await keystone.login('admin', adminPassword, scope);
  const alpha = { projectName: 'alpha', projectId: await keystone.createProject(adminToken, 'alpha') };
  const beta = { projectName: 'beta', projectId: await keystone.createProject(adminToken, 'beta') };
  const service = { projectName: 'service', projectId: await keystone.createProject(adminToken, 'service') };
  await keystone.call(adminToken, 'POST', '/roles', { role: { name: 'gardener' } });

  const persona = async (name: string, role: string, project: typeof alpha): Promise<Persona> => {
    const password = randomUUID();
    const userId = await keystone.createUser(adminToken, name, password);
    await keystone.grantRole(adminToken, role, userId, `/projects/${project.projectId}`);
    return { name, password, userId, ...project };
  };
  return {
    alice: await persona('alice', 'member', alpha),
    bob: await persona('bob', 'member', beta),
    roz: await persona('roz', 'reader', alpha),
    boss: await persona('boss', 'admin', beta),
    norman: await persona('norman', 'gardener', alpha),
    image: await persona('image', 'service', service),
    adminToken,
  };
}

/** A new token of a persona in its project. */
export const tokenOf = async (keystone: KeystoneClient, { name, password, projectId }: Persona): Promise<string> =>
  (await keystone.login(name, password, { project: { id: projectId } })).token;
