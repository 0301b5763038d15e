import { expect, test } from '@jest/globals';
import { hrefOf, parseRoute, type Route } from '../../console/route.ts';

const imageId = '71c675ab-d94f-49cd-a114-e12490b328d9';

test('each view has an address that leads to it', () => {
  const routes: readonly Route[] = [
    { view: 'inbox', status: 'pending' },
    { view: 'inbox', status: 'accepted' },
    { view: 'inbox', status: 'rejected' },
    { view: 'images' },
    { view: 'history', imageId },
    { view: 'standing-answers' },
  ];
  expect(routes.map(hrefOf)).toEqual([
    ...['#waiting', '#accepted', '#rejected', '#images'],
    ...[`#history/${imageId}`, '#standing-answers'],
  ]);
  expect(routes.map(hrefOf).map(parseRoute)).toEqual(routes);
});

test('an unknown address is the inbox with the waiting offers', () => {
  for (const hash of ['', '#', '#pending', '#history/', '#history/../x', `#history/${imageId}/x`, '#constructor']) {
    expect(parseRoute(hash)).toEqual({ view: 'inbox', status: 'pending' });
  }
});
