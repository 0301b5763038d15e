import type { Image, MemberStatus, Offer } from '../api/types.ts';
import { useConsole } from '../components/console-context.ts';
import { formatBytes, formatCount, plural } from '../components/format.ts';
import { Id, ImageName, nameOf } from '../components/ids.tsx';
import { Time } from '../components/time.tsx';
import { hrefOf } from '../route.ts';

interface OfferTableProps {
  readonly offers: readonly Offer[];
  /** Status of all offers. */
  readonly status: MemberStatus;
  /** Ids of the selected images. */
  readonly selection: ReadonlySet<string>;
  readonly selected: readonly Offer[];
  readonly canChange: boolean;
  readonly onSelect: (selection: ReadonlySet<string>) => void;
  readonly onAnswer: (offers: readonly Offer[], answer: MemberStatus) => void;
}

/** Answers to the offers of each status, with the labels of their buttons. */
const answersOf: Readonly<Record<MemberStatus, readonly (readonly [MemberStatus, string])[]>> = {
  pending: [
    ['accepted', 'Accept'],
    ['rejected', 'Reject'],
  ],
  accepted: [
    ['rejected', 'Reject'],
    ['pending', 'Move to Waiting'],
  ],
  rejected: [
    ['accepted', 'Accept'],
    ['pending', 'Move to Waiting'],
  ],
};

/** Columns with the classes of their widths. */
const columns = [
  ['Image', ''],
  ['Owner', 'medium'],
  ['Offered', 'medium'],
  ['Requirements', 'medium'],
  ['Tags', 'short'],
  ['Actions', 'wide'],
] as const;

/** Table of offers with a selection. In a narrow space each row becomes a card, so its roles are explicit. */
export function OfferTable({ offers, status, selection, selected, canChange, onSelect, onAnswer }: OfferTableProps) {
  const { isBusy } = useConsole();
  const isAllSelected = selected.length === offers.length;
  const toggle = (id: string) => {
    const changed = new Set(selection);
    if (!changed.delete(id)) changed.add(id);
    onSelect(changed);
  };
  return (
    <>
      {canChange && (
        <div class="toolbar" role="group" aria-label="Answer the selected offers">
          <label>
            <input
              type="checkbox"
              checked={isAllSelected}
              onChange={() => onSelect(new Set(isAllSelected ? [] : offers.map(({ image }) => image.id)))}
            />{' '}
            Select all {plural(offers.length, 'shown offer')}
          </label>
          {answersOf[status].map(([answer, label]) => (
            <button
              type="button"
              aria-disabled={isBusy || selected.length === 0}
              onClick={() => selected.length > 0 && onAnswer(selected, answer)}
            >
              {label} selected ({formatCount(selected.length)})
            </button>
          ))}
        </div>
      )}
      <div class="table-frame">
        <table role="table" class="rows offers">
          <caption class="visually-hidden">Offers, newest image first</caption>
          <thead role="rowgroup">
            <tr role="row">
              {canChange && (
                <th role="columnheader" scope="col" class="mark">
                  <span class="visually-hidden">Selected</span>
                </th>
              )}
              {columns.map(([label, width]) => (
                <th role="columnheader" scope="col" class={width}>
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {offers.map((offer) => (
              <OfferRow
                key={offer.image.id}
                {...{ offer, status, canChange }}
                isSelected={selection.has(offer.image.id)}
                onToggle={() => toggle(offer.image.id)}
                onAnswer={(answer) => onAnswer([offer], answer)}
              />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

interface OfferRowProps {
  readonly offer: Offer;
  readonly status: MemberStatus;
  readonly canChange: boolean;
  readonly isSelected: boolean;
  readonly onToggle: () => void;
  readonly onAnswer: (answer: MemberStatus) => void;
}

function OfferRow({ offer, status, canChange, isSelected, onToggle, onAnswer }: OfferRowProps) {
  const { isBusy } = useConsole();
  const { image, offered_at: offeredAt, offered_by: offeredBy, expires_at: expiresAt } = offer;
  const name = nameOf(image);
  return (
    <tr role="row" class={isSelected ? 'selected' : undefined}>
      {canChange && (
        <td role="cell" class="select">
          <input type="checkbox" checked={isSelected} aria-label={`Select ${name}`} onChange={onToggle} />
        </td>
      )}
      <th role="rowheader" scope="row">
        <ImageName image={image} />
        <small>
          <Id value={image.id} />
        </small>
      </th>
      <td role="cell" data-label="Owner">
        <Id value={image.owner} />
        {offeredBy !== null && offeredBy !== image.owner && (
          <small>
            offered by <Id value={offeredBy} />
          </small>
        )}
      </td>
      <td role="cell" data-label="Offered">
        <Time value={offeredAt} />
        {expiresAt !== null && (
          <small class="end">
            ends <Time value={expiresAt} />
          </small>
        )}
      </td>
      <td role="cell" data-label="Requirements">
        {requirementsOf(image)}
      </td>
      <td role="cell" data-label="Tags">
        {image.tags.length === 0 ? (
          '–'
        ) : (
          <ul class="tags">
            {image.tags.map((tag) => (
              <li>
                <bdi>{tag}</bdi>
              </li>
            ))}
          </ul>
        )}
      </td>
      <td role="cell" class="actions">
        {canChange &&
          answersOf[status].map(([answer, label]) => (
            <button type="button" aria-disabled={isBusy} onClick={() => onAnswer(answer)}>
              {label} <bdi class="visually-hidden">{name}</bdi>
            </button>
          ))}
        <a href={hrefOf({ view: 'history', imageId: image.id })}>
          History <bdi class="visually-hidden">of {name}</bdi>
        </a>
      </td>
    </tr>
  );
}

/** Returns the formats, the size and the requirements of an image in one text. */
function requirementsOf(image: Image): string {
  const parts = [image.disk_format ?? 'no disk format', image.container_format ?? 'no container format'];
  parts.push(image.size === null ? image.status : formatBytes(image.size));
  if (image.min_disk > 0) parts.push(`${formatCount(image.min_disk)} GB disk`);
  if (image.min_ram > 0) parts.push(`${formatCount(image.min_ram)} MB memory`);
  return parts.join(', ');
}
