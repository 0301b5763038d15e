/** esbuild bundles the styles that the page imports. */
declare module '*.css';
