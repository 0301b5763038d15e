import type { JsonObject } from './sharing-api.ts';

/**
 * Formats a JSON document for programs. Characters that control a terminal or the direction of a line are escaped,
 * which does not change the document.
 */
export function formatJson(document: JsonObject): string {
  return JSON.stringify(document, undefined, 2).replaceAll(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, index) => {
      return `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
    }).join(''),
  );
}
