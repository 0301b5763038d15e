/** The only import method of the service (Image API v2, "Interoperable image import"). */
export const importMethod = 'web-download';

/** Returns the view of the import methods (Image API v2, "Import methods and values discovery"). */
export const importView = () => ({
  'import-methods': { description: 'Import methods available.', type: 'array', value: [importMethod] },
});
