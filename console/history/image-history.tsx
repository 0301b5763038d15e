import { useState } from 'preact/hooks';
import { onMissing, Problem } from '../api/problem.ts';
import type { HistoryEntry, Image } from '../api/types.ts';
import { useConsole } from '../components/console-context.ts';
import { Heading } from '../components/heading.tsx';
import { Id, ImageName, quotedName } from '../components/ids.tsx';
import { ListState } from '../components/list-state.tsx';
import { MoreButton } from '../components/more-button.tsx';
import { useList } from '../components/use-list.ts';
import { AccessSection } from './access-section.tsx';
import { ChangeTable } from './change-table.tsx';

/** The changes of access to an image, and who had access at a time. */
export function ImageHistory({ imageId }: { readonly imageId: string }) {
  const { api } = useConsole();
  const [image, setImage] = useState<Pick<Image, 'id' | 'name'>>();
  const { list, problem, loadMore } = useList<HistoryEntry>(
    async (next) => {
      const [page] = await Promise.all([
        api.listChanges(imageId, next).catch(
          onMissing(() => {
            throw new Problem('missing', 'There is no image with this id, or it is hidden from your project.');
          }),
        ),
        next ??
          api
            .showImage(imageId)
            // The history of a deleted or hidden image can be visible: its heading has the id.
            .catch(onMissing(() => ({ id: imageId, name: null })))
            .then(setImage),
      ]);
      return { items: page.history, next: page.next };
    },
    ({ id }) => id,
    [],
  );

  const entries = list?.items ?? [];
  // A heading that grows would move everything below it.
  const isLoaded = image !== undefined && (list !== undefined || problem !== undefined);
  return (
    <>
      <Heading title={`History of ${quotedName(image ?? { id: imageId, name: null })}`}>
        History of {isLoaded ? <ImageName image={image} /> : '…'}
      </Heading>
      <ListState list={image && list} problem={problem} noun="changes">
        <p class="hint">
          <Id value={imageId} />
        </p>
        <p class="hint">The owner of the image sees all its members. Any other project sees its own membership.</p>
        <h2>Changes</h2>
        {entries.length === 0 ? <p class="empty">No change is recorded.</p> : <ChangeTable entries={entries} />}
        <MoreButton next={list?.next} count={entries.length} noun="change" onMore={loadMore} />
        <AccessSection imageId={imageId} />
      </ListState>
    </>
  );
}
