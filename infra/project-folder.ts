import { join } from 'node:path';

/** Absolute path of the project's root folder, which contains `package.json`. */
export const projectFolder = join(import.meta.dirname, '..');
