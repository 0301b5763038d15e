/** Number of bytes at the beginning of image data that {@link virtualSizeOf} reads. */
export const virtualSizeHeaderBytes = 32;

const qcow2Magic = Buffer.from('QFI\xfb', 'latin1');

/**
 * Returns the size in bytes of the virtual disk in image data, or `null` if its format does not tell it.
 *
 * @param diskFormat - the format that the image declares
 * @param size - size of the data in bytes
 * @param header - the first bytes of the data
 */
export function virtualSizeOf(diskFormat: string, size: number, header: Uint8Array): number | null {
  if (diskFormat === 'raw' || diskFormat === 'iso') return size;
  const bytes = Buffer.from(header.buffer, header.byteOffset, header.byteLength);
  // "QCOW2 image format", section Header: the size is a big-endian number of 8 bytes.
  if (diskFormat !== 'qcow2' || bytes.length < virtualSizeHeaderBytes || !bytes.subarray(0, 4).equals(qcow2Magic)) {
    return null;
  }
  const virtualSize = Number(bytes.readBigUInt64BE(24));
  return Number.isSafeInteger(virtualSize) ? virtualSize : null;
}
