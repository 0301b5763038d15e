// Installs the packages of package-lock.json if node_modules does not contain exactly these. Silent otherwise.
//
// `npm start`, `npm test` and `run.mjs` run this module first. It is plain JavaScript for Node 18 and later without
// dependencies, because it runs on the Node of the machine before anything is installed.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const projectFolder = join(dirname(fileURLToPath(import.meta.url)), '..');
const minNodeVersion = 24;

/** Time between two lines of progress, if they are not on a terminal. */
const progressLineMilliseconds = 10_000;
/** Time between two updates of the line on a terminal. */
const progressUpdateMilliseconds = 250;

if (!isInstalled()) {
  console.error('Installing the packages of package-lock.json (npm ci), once …');
  const outcome = await npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  if (outcome === 'missing') {
    fail('The packages could not be installed, because "npm" is not on the PATH; install npm and try again.');
  } else if (outcome !== 0) {
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
  return Object.entries(locked).every(([path, { version, integrity, ...lockedPackage }]) => {
    if (path === '') return true;
    const installedPackage = installed[path];
    if (installedPackage === undefined) return isOptional(lockedPackage);
    return installedPackage.version === version && installedPackage.integrity === integrity;
  });
}

/** Returns true if npm may omit the package, such as one for another platform. */
function isOptional({ optional, devOptional }) {
  return optional === true || devOptional === true;
}

/** Returns the packages of a lock file; undefined if it cannot be read. */
function readPackages(lockFile) {
  try {
    return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/** Runs npm with its output and the progress of the installation on standard error. Returns its exit code. */
function npm(parameters) {
  // Inside a script npm sets the path of its own file: runs the same npm, even if PATH has another.
  const npmFile = process.env.npm_execpath;
  const [command, ...npmArguments] = npmFile === undefined ? ['npm'] : [process.execPath, npmFile];
  const child = spawn(command, [...npmArguments, ...parameters], {
    cwd: projectFolder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const progress = showProgress();
  for (const output of [child.stdout, child.stderr]) {
    output.on('data', (chunk) => {
      progress.clear();
      process.stderr.write(chunk);
    });
  }
  return new Promise((resolve) => {
    child.once('error', () => resolve('missing'));
    child.once('close', resolve);
  }).finally(progress.stop);
}

/**
 * Shows the number of installed packages, without optional packages: on a terminal in one line that is rewritten,
 * otherwise in a new line from time to time.
 */
function showProgress() {
  const { stderr } = process;
  const packages = Object.entries(readPackages(join(projectFolder, 'package-lock.json')) ?? {})
    .filter(([path, lockedPackage]) => path !== '' && !isOptional(lockedPackage))
    // npm creates the folders of all packages before it fills them.
    .map(([path]) => join(projectFolder, path, 'package.json'));
  const line = () => `${packages.filter(existsSync).length} of ${packages.length} packages`;
  const clear = () => {
    if (stderr.isTTY) stderr.write('\r\x1b[K');
  };
  const timer = setInterval(
    () => stderr.write(stderr.isTTY ? `\r\x1b[K${line()}` : `${line()}\n`),
    stderr.isTTY ? progressUpdateMilliseconds : progressLineMilliseconds,
  );
  return {
    clear,
    stop: () => {
      clearInterval(timer);
      clear();
    },
  };
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
