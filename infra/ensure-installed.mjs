// Installs the packages of package-lock.json if node_modules does not contain exactly these. Silent otherwise.
//
// `npm start` and `npm test` run this script first. It is plain JavaScript for Node 18 and later without dependencies,
// because it runs on the Node of the machine before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const projectFolder = join(dirname(fileURLToPath(import.meta.url)), '..');
const minNodeVersion = 24;

if (!isInstalled()) {
  console.error('Installing the packages of package-lock.json (npm ci), once …');
  const { status } = npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
  if (status !== 0) {
    fail(
      'The packages could not be installed; see the npm error above. Check that the registry is reachable and run the command again.',
    );
  } else if (!isInstalled()) {
    fail('npm ci did not install the packages of package-lock.json; remove node_modules and run the command again.');
  }
}

// The scripts run on the Node of the package `node`, which npm puts first on PATH. The package does not support every
// platform.
if (
  !existsSync(join(projectFolder, 'node_modules', '.bin', 'node')) &&
  Number(process.versions.node.split('.')[0]) < minNodeVersion
) {
  fail(
    `Node must be version ${minNodeVersion} or later; got ${process.versions.node}, and the package "node" does not support ${process.platform}-${process.arch}. Install Node ${minNodeVersion}.`,
  );
}

/** Returns true if npm's record of its last complete installation matches package-lock.json. */
function isInstalled() {
  const locked = readPackages(join(projectFolder, 'package-lock.json'));
  const installed = readPackages(join(projectFolder, 'node_modules', '.package-lock.json'));
  if (locked === undefined || installed === undefined) return false;
  return Object.entries(locked).every(([path, { version, integrity, optional, devOptional }]) => {
    if (path === '') return true;
    const installedPackage = installed[path];
    // npm omits optional packages, such as those for other platforms.
    if (installedPackage === undefined) return optional === true || devOptional === true;
    return installedPackage.version === version && installedPackage.integrity === integrity;
  });
}

/** Returns the packages of a lock file; undefined if it cannot be read. */
function readPackages(lockFile) {
  try {
    return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

function npm(parameters) {
  // Inside a script npm sets the path of its own file: runs the same npm, even if PATH has another.
  const npmFile = process.env.npm_execpath;
  const [command, ...npmArguments] = npmFile === undefined ? ['npm'] : [process.execPath, npmFile];
  return spawnSync(command, [...npmArguments, ...parameters], {
    cwd: projectFolder,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
