import { useState } from 'preact/hooks';
import type { OwnImage } from '../api/types.ts';
import { useConsole } from '../components/console-context.ts';
import { Heading } from '../components/heading.tsx';
import { HiddenName, ImageHeader, nameOf } from '../components/ids.tsx';
import { ListState } from '../components/list-state.tsx';
import { MoreButton } from '../components/more-button.tsx';
import { RowsTable } from '../components/rows-table.tsx';
import { Time } from '../components/time.tsx';
import { useList } from '../components/use-list.ts';
import { hrefOf } from '../route.ts';
import { describeCounts } from './member-counts.ts';
import { MembersDialog } from './members-dialog.tsx';

/** The images of the project with the numbers of their members. A dialog shows the members of an image. */
export function OwnImages() {
  const { api, notify, invalidate } = useConsole();
  const [opened, setOpened] = useState<OwnImage>();
  const { list, problem, loadMore } = useList<OwnImage>(
    async (next) => {
      const page = await api.listOwnImages(next);
      return { items: page.images, next: page.next };
    },
    ({ id }) => id,
    [],
  );
  const images = list?.items ?? [];
  const show = (image: OwnImage | undefined) => {
    notify(undefined);
    setOpened(image);
  };
  const close = () => {
    show(undefined);
    // Also without a change: another client can have changed the image meanwhile.
    invalidate();
  };
  return (
    <>
      <Heading title="My images">My images</Heading>
      <ListState {...{ list, problem }} noun="images">
        {images.length === 0 && list?.next === undefined ? (
          <p class="empty">
            Your project has no images. This command creates one: <code>{api.createCommand}</code>{' '}
            <button type="button" onClick={invalidate}>
              Load again
            </button>
          </p>
        ) : (
          <RowsTable
            caption="Images, newest first"
            columns={[
              ['Image'],
              ['State', 'medium'],
              ['Created', 'medium'],
              ['Members', 'medium'],
              ['Actions', 'wide'],
            ]}
            rows={images.map((image) => {
              const ofImage = <HiddenName phrase="of" name={nameOf(image)} />;
              return {
                key: image.id,
                header: <ImageHeader image={image} />,
                cells: [
                  `${image.visibility}, ${image.status}`,
                  <Time value={image.created_at} />,
                  describeCounts(image.member_counts),
                  <>
                    <button type="button" onClick={() => show(image)}>
                      Members
                      {ofImage}
                    </button>
                    <a href={hrefOf({ view: 'history', imageId: image.id })}>
                      History
                      {ofImage}
                    </a>
                  </>,
                ],
              };
            })}
          />
        )}
        <MoreButton next={list?.next} count={images.length} noun="image" onMore={loadMore} />
      </ListState>
      {opened && <MembersDialog image={opened} onClose={close} />}
    </>
  );
}
