/** Returns the message that starts an import. */
export const importMessage = ({ imageId, jobId }: { readonly imageId: string; readonly jobId: string }): string =>
  JSON.stringify({ import: { image_id: imageId, job: jobId } });

/** Returns the message that deletes an object of a deleted image. */
export const deletionMessage = (objectKey: string): string => JSON.stringify({ delete: { object_key: objectKey } });
