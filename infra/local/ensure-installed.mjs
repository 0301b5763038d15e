// Run before `npm start` and `npm test` by whatever Node is on the machine, before anything is installed: so plain
// JavaScript, without a dependency, for Node 18 and later.
//
// Installs the packages of package-lock.json when those in node_modules are not exactly these. Silent otherwise.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const oldestNode = 24;

if (!isInstalled()) {
  console.error('Installing the packages of package-lock.json (npm ci), once …');
  const { status } = npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
  if (status !== 0) {
    refuse(
      'The packages could not be installed; npm says why above. Repair that (is the registry reachable?) and run the command again.',
    );
  } else if (!isInstalled()) {
    refuse(
      'npm ci ended without the packages of package-lock.json in node_modules; remove node_modules and run the command again.',
    );
  }
}

// The scripts run with the Node that the packages bring along, which npm puts first on their PATH. There is none for
// every platform.
if (
  !existsSync(join(checkout, 'node_modules', '.bin', 'node')) &&
  Number(process.versions.node.split('.')[0]) < oldestNode
) {
  refuse(
    `Node ${process.versions.node} is too old and no newer one can be installed here as a package (${process.platform}-${process.arch}); install Node ${oldestNode} or later.`,
  );
}

/** Whether what npm noted about node_modules after its last complete install is what the lock asks for. */
function isInstalled() {
  const wanted = packages(join(checkout, 'package-lock.json'));
  const installed = packages(join(checkout, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted).every(([path, { version, integrity, optional, devOptional }]) => {
    if (path === '') return true;
    const found = installed[path];
    // What is optional may be left out, as is everything for other platforms.
    if (found === undefined) return optional === true || devOptional === true;
    return found.version === version && found.integrity === integrity;
  });
}

function packages(lockFile) {
  try {
    return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

function npm(parameters) {
  // Inside a script npm names its own file: the same npm then, whatever else is on PATH.
  const own = process.env.npm_execpath;
  const [command, ...first] = own === undefined ? ['npm'] : [process.execPath, own];
  return spawnSync(command, [...first, ...parameters], { cwd: checkout, stdio: ['ignore', 'inherit', 'inherit'] });
}

function refuse(sentence) {
  console.error(sentence);
  process.exit(1);
}
