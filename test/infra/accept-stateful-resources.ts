import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { statefulResources } from '../../infra/operate/stateful/stateful-changes.ts';
import { productionTemplate } from './production-template.ts';

// `npm run accept-stateful-resources`: replaces the reference of the stateful resources by those of the template.

const file = join(import.meta.dirname, 'stateful-resources.json');
writeFileSync(file, `${JSON.stringify(statefulResources(productionTemplate()), undefined, 2)}\n`);
console.log(`${file} contains the stateful resources of the template; review its changes before a commit.`);
