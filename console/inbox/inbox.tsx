import { useState } from 'preact/hooks';
import type { MemberStatus, Offer } from '../api/types.ts';
import { useConsole } from '../components/console-context.ts';
import { formatCount } from '../components/format.ts';
import { focusAfterAction, Heading } from '../components/heading.tsx';
import { ListState } from '../components/list-state.tsx';
import { MoreButton } from '../components/more-button.tsx';
import { statusNames } from '../components/status-names.ts';
import { useList } from '../components/use-list.ts';
import { answerOffers, describeOutcome, type AnswerOutcome } from './answer-offers.ts';
import { FilterForm, type Filter } from './filter-form.tsx';
import { OfferTable } from './offer-table.tsx';
import { useHasChanged } from './use-has-changed.ts';
import { StatusTabs } from './status-tabs.tsx';

interface InboxProps {
  readonly status: MemberStatus;
  readonly filter: Filter;
  readonly onFilter: (filter: Filter) => void;
}

/** The offers to the project with one status. The user answers one, several or all shown offers, and can undo an answer. */
export function Inbox({ status, filter, onFilter }: InboxProps) {
  const { api, project, canChange, revision, isBusy, notify, invalidate, refreshProject, run } = useConsole();
  const [shownChanges, setShownChanges] = useState(0);
  const [selection, setSelection] = useState<ReadonlySet<string>>(new Set());
  const { list, problem, remove, loadMore } = useList<Offer>(
    async (next) => {
      const page = await api.listOffers({ status, ...filter }, next);
      return { items: page.offers, next: page.next };
    },
    ({ image }) => image.id,
    [filter],
  );
  const count = project?.offers[status];
  const hasChanged = useHasChanged(project, count, `${revision} ${shownChanges}`);
  const offers = list?.items ?? [];
  const selected = offers.filter(({ image }) => selection.has(image.id));
  const isFiltered = filter.owner !== '' || filter.namePrefix !== '';

  /** Removes the offers that left the list, and reports the result. */
  const show = (outcome: AnswerOutcome, answer: MemberStatus, isUndo: boolean) => {
    const { answered, withdrawn, failed } = outcome;
    const kinds = failed.map(({ problem: { kind } }) => kind);
    const undoable = isUndo
      ? failed.flatMap(({ offer, problem: { kind } }) => (kind === 'temporary' ? [offer] : []))
      : answered;
    const removed = new Set([...answered, ...withdrawn].map(({ image }) => image.id));
    if (!isUndo) remove(({ image }) => removed.has(image.id));
    setShownChanges((current) => current + 1);
    setSelection(new Set(failed.map(({ offer }) => offer.image.id)));
    notify({
      text: describeOutcome(outcome, answer),
      isProblem: answered.length === 0 || failed.length > 0,
      undo: undoable.length > 0 ? async () => show(await answerOffers(api, undoable, status), status, true) : undefined,
    });
    if (isUndo || kinds.includes('outcome-unknown') || kinds.includes('changed')) invalidate();
    else refreshProject();
    focusAfterAction();
  };
  const changeFilter = (changed: Filter) => {
    onFilter(changed);
    setShownChanges((current) => current + 1);
    refreshProject();
  };
  const answerAll = (answered: readonly Offer[], answer: MemberStatus) =>
    void run(async () => show(await answerOffers(api, answered, answer), answer, false));

  return (
    <>
      <Heading
        title={`${status === 'pending' && count ? `(${formatCount(count, project.at_least.includes(status))}) ` : ''}${statusNames[status]}`}
      >
        {statusNames[status]} offers
      </Heading>
      <StatusTabs current={status} />
      <p class="hint">
        Images that are waiting or rejected can still be used by their id. Your answer decides if an image is in the
        image list of your project.
      </p>
      <FilterForm filter={filter} onFilter={changeFilter} />
      <ListState {...{ list, problem }} noun="offers">
        {!canChange && (
          <p class="hint">Your role is reader: you can see the offers; to answer them requires the role member.</p>
        )}
        {offers.length === 0 ? (
          <p class="empty">
            {list?.next !== undefined
              ? 'No offer was found yet. Show more offers.'
              : isFiltered
                ? 'No offer matches the filter.'
                : emptyTexts[status]}
          </p>
        ) : (
          <OfferTable
            {...{ offers, status, selection, selected, canChange }}
            onSelect={setSelection}
            onAnswer={answerAll}
          />
        )}
        {(offers.length > 0 || list?.next !== undefined) && (
          <MoreButton key={filter} next={list?.next} count={offers.length} noun="offer" onMore={loadMore} />
        )}
      </ListState>
      <div class="sticky" role="status">
        {hasChanged && (
          <p class="notice">
            The offers have changed since this list was loaded.{' '}
            <button type="button" aria-disabled={isBusy} onClick={() => !isBusy && invalidate()}>
              Update the list
            </button>
          </p>
        )}
      </div>
    </>
  );
}

const emptyTexts: Readonly<Record<MemberStatus, string>> = {
  pending: 'No offer is waiting for an answer. New offers appear here.',
  accepted: 'Your project has accepted no image.',
  rejected: 'Your project has rejected no image.',
};
