import type { DownloadImage } from '../../use-cases/images/show-image.ts';
import type { ImportImage } from '../../use-cases/images/import-image.ts';
import type { SetImageActivation } from '../../use-cases/images/set-image-activation.ts';
import { invalidRequest } from '../../domain/errors.ts';
import { imageIdOf, objectBody, type ApiRequest } from '../api-request.ts';
import { accepted, noContent, redirect, type ApiResponse } from '../api-response.ts';
import { defineOperation } from '../operation.ts';
import { importMethod } from '../views/import-view.ts';
import { imageItemPath } from './images.ts';

/** Maximum length of the URL of a source in characters. */
const maxUriLength = 2048;

const filePath = `${imageItemPath}/file`;

/** Returns the redirect to the data of an image, or 204 if it has none. */
const download =
  (downloadImage: DownloadImage, method: 'GET' | 'HEAD') =>
  async (request: ApiRequest): Promise<ApiResponse> => {
    const url = await downloadImage({ imageId: imageIdOf(request), caller: request.caller, method });
    return url === undefined ? noContent() : redirect(url);
  };

const downloadDefinition = {
  role: 'member',
  body: 'none',
  success: [302],
  otherSuccess: [204],
  faults: ['image-not-found', 'not-permitted'],
} as const;

const activationDefinition = {
  role: 'member',
  body: 'ignored',
  success: [204],
  faults: ['image-not-found', 'not-permitted', 'image-has-no-data'],
  handle: (setActivation: SetImageActivation) => async (request: ApiRequest) => {
    await setActivation({ imageId: imageIdOf(request), caller: request.caller });
    return noContent();
  },
} as const;

/** The operations on image data (Image API v2, "Image data", "Interoperable image import" and "Image actions"). */
export const imageDataOperations = {
  downloadImage: defineOperation<DownloadImage>({
    ...downloadDefinition,
    route: `GET ${filePath}`,
    summary: 'Download the data of an image: a redirect that is valid for 60 seconds, or 204 without data',
    handle: (downloadImage) => download(downloadImage, 'GET'),
  }),

  inspectImageData: defineOperation<DownloadImage>({
    ...downloadDefinition,
    route: `HEAD ${filePath}`,
    summary: 'Request the headers of the data of an image: a redirect, or 204 without data',
    handle: (downloadImage) => download(downloadImage, 'HEAD'),
  }),

  importImage: defineOperation<ImportImage>({
    route: `POST ${imageItemPath}/import`,
    summary: 'Import the data of a queued image from a URL',
    role: 'member',
    body: 'json',
    bodySchema: {
      type: 'object',
      required: ['method'],
      properties: {
        method: {
          type: 'object',
          required: ['name', 'uri'],
          properties: {
            name: { type: 'string', enum: [importMethod] },
            uri: {
              type: 'string',
              description: 'http or https URL of the data',
              minLength: 1,
              maxLength: maxUriLength,
            },
          },
        },
      },
    },
    success: [202],
    faults: ['image-not-found', 'not-permitted', 'image-not-queued', 'image-formats-missing'],
    handle: (importImage) => async (request) => {
      const { caller } = request;
      await importImage({ imageId: imageIdOf(request), uri: sourceUri(objectBody(request)), caller });
      return accepted();
    },
  }),

  deactivateImage: defineOperation<SetImageActivation>({
    ...activationDefinition,
    route: `POST ${imageItemPath}/actions/deactivate`,
    summary: 'Deactivate an image: only an admin can download its data',
  }),

  reactivateImage: defineOperation<SetImageActivation>({
    ...activationDefinition,
    route: `POST ${imageItemPath}/actions/reactivate`,
    summary: 'Reactivate an image',
  }),
} as const;

/** Returns the URL of an import. The use case checks whether the service may read from it. */
function sourceUri({ method }: Readonly<Record<string, unknown>>): string {
  const { name, uri } = (typeof method === 'object' && method !== null ? method : {}) as {
    readonly name?: unknown;
    readonly uri?: unknown;
  };
  if (name === 'glance-direct' || name === 'copy-image') {
    throw invalidRequest(
      `The import method "${name}" is not supported, because the service accepts no uploads; use "${importMethod}" with the URL of the data.`,
    );
  }
  if (name !== importMethod) throw invalidRequest(`"method.name" must be "${importMethod}".`);
  if (typeof uri !== 'string' || uri === '' || uri.length > maxUriLength) {
    throw invalidRequest(`"method.uri" must be an http or https URL of at most ${maxUriLength} characters.`);
  }
  return uri;
}
