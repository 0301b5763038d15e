import { expect, test } from '@jest/globals';
import { virtualSizeHeaderBytes, virtualSizeOf } from '../../../lambda/s3/virtual-size.ts';

/** Returns the header of a QCOW2 image of version 3 with this virtual size. */
const qcow2 = (virtualSize: bigint): Buffer => {
  const header = Buffer.alloc(virtualSizeHeaderBytes);
  header.write('QFI\xfb', 'latin1');
  header.writeUInt32BE(3, 4);
  header.writeBigUInt64BE(virtualSize, 24);
  return header;
};
const tebibyte = 1024n ** 4n;

test.each<[string, string, Uint8Array, number | null]>([
  ['raw data', 'raw', Buffer.from('x'), 196_608],
  ['a CD image', 'iso', Buffer.alloc(0), 196_608],
  ['raw data that looks like QCOW2', 'raw', qcow2(1n), 196_608],
  ['QCOW2', 'qcow2', qcow2(10n * tebibyte), Number(10n * tebibyte)],
  ['QCOW2 of an empty disk', 'qcow2', qcow2(0n), 0],
  ['QCOW2 with more bytes than the header', 'qcow2', Buffer.concat([qcow2(7n), Buffer.alloc(9)]), 7],
  ['QCOW2 in the middle of a buffer', 'qcow2', Buffer.concat([Buffer.alloc(3), qcow2(7n)]).subarray(3), 7],
  ['QCOW2 without its last byte of the header', 'qcow2', qcow2(7n).subarray(0, -1), null],
  ['no data of QCOW2', 'qcow2', Buffer.alloc(0), null],
  ['other data that is declared as QCOW2', 'qcow2', Buffer.alloc(virtualSizeHeaderBytes), null],
  ['QCOW2 of an impossible size', 'qcow2', qcow2(2n ** 64n - 1n), null],
  ['QCOW2 of the largest exact number', 'qcow2', qcow2(2n ** 53n - 1n), Number.MAX_SAFE_INTEGER],
  ['VMDK', 'vmdk', Buffer.from('KDMV'.padEnd(virtualSizeHeaderBytes)), null],
  ['QCOW2 that is declared as VHD', 'vhd', qcow2(7n), null],
])('%s, declared as %s', (_what, diskFormat, header, expected) => {
  expect(virtualSizeOf(diskFormat, 196_608, header)).toBe(expected);
});
