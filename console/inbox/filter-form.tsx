import type { OfferFilter } from '../api/sharing-api.ts';
import { joinGroups } from '../components/ids.tsx';
import { submittedTexts } from '../components/submitted-texts.ts';

/** Filters of the inbox without the status, which the tab sets. */
export type Filter = Omit<OfferFilter, 'status'>;

/** The filter that matches all offers. */
export const noFilter: Filter = { owner: '', namePrefix: '' };

interface FilterFormProps {
  readonly filter: Filter;
  readonly onFilter: (filter: Filter) => void;
}

/** Form that narrows the list to an owner or to the beginning of a name. */
export function FilterForm({ filter, onFilter }: FilterFormProps) {
  const submit = (event: SubmitEvent) => {
    const text = submittedTexts(event);
    onFilter({ owner: joinGroups(text('owner')), namePrefix: text('name') });
  };
  return (
    <form class="filter" role="search" aria-label="Filter" onSubmit={submit} onReset={() => onFilter({ ...noFilter })}>
      <label>
        Name begins with (exact case){' '}
        <input name="name" maxLength={255} defaultValue={filter.namePrefix} autocomplete="off" />
      </label>
      <label>
        Owner <input name="owner" maxLength={255} defaultValue={filter.owner} autocomplete="off" />
      </label>
      <button type="submit">Filter</button>
      <button type="reset" class="quiet">
        Show all
      </button>
    </form>
  );
}
