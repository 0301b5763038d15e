import type { Page, Route } from 'playwright-core';
import { waitForRows } from './page-content.ts';
import { named, type CreatedImage } from './service-client.ts';
import type { TestProjects } from './test-server.ts';

/** Requests of the page, as patterns of their URLs. */
export const paths = {
  answers: '**/sharing/v1/answers',
  offers: '**/sharing/v1/offers*',
  project: '**/sharing/v1/project',
} as const;

/** Opens the inbox with the offers one, two and three. @param errors - messages of the browser that the test provokes */
export async function openThree(
  projects: TestProjects,
  errors?: RegExp,
): Promise<{ readonly page: Page; readonly images: readonly CreatedImage[] }> {
  const images = await projects.owner.offerImages(projects.receiverId, named('one', 'two', 'three'));
  const page = await projects.open(errors && { errors });
  await waitForRows(page, ['three', 'two', 'one']);
  return { page, images };
}

/** Responds to a request with a status, and with the body and headers of the service or of its gateway. */
export const respond =
  (status: number, json: object = { message: 'x' }, headers: Record<string, string> = {}) =>
  (route: Route): Promise<void> =>
    route.fulfill({ status, json, headers });
