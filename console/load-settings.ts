import type { PageSettings } from '../lambda/console/page-settings.ts';

/** Loads the settings of the page from the file beside it. @throws Error with a sentence for the user */
export async function loadSettings(): Promise<PageSettings> {
  try {
    const response = await fetch('settings.json', { credentials: 'omit' });
    if (response.ok) return (await response.json()) as PageSettings;
  } catch {
    // Reported below.
  }
  throw new Error('The settings of this page cannot be loaded. Check your network connection, then reload the page.');
}
