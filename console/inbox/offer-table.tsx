import type { Image, MemberStatus, Offer } from '../api/types.ts';
import { useConsole } from '../components/console-context.ts';
import { formatBytes, formatCount, plural } from '../components/format.ts';
import { HiddenName, Id, ImageHeader, nameOf } from '../components/ids.tsx';
import { RowsTable } from '../components/rows-table.tsx';
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
  ['Image'],
  ['Owner', 'medium'],
  ['Offered', 'medium'],
  ['Requirements', 'medium'],
  ['Tags', 'short'],
  ['Actions', 'wide'],
] as const;

/** Table of offers with a selection. */
export function OfferTable({ offers, status, selection, selected, canChange, onSelect, onAnswer }: OfferTableProps) {
  const { isBusy } = useConsole();
  const isAllSelected = offers.length > 0 && selected.length === offers.length;
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
              indeterminate={selected.length > 0 && !isAllSelected}
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
      <RowsTable
        caption="Offers, newest image first"
        columns={columns}
        rows={offers.map((offer) => ({
          key: offer.image.id,
          header: <ImageHeader image={offer.image} />,
          cells: cellsOf(offer, (answer) => onAnswer([offer], answer)),
          ...(canChange && {
            mark: (
              <input
                type="checkbox"
                checked={selection.has(offer.image.id)}
                aria-label={`Select ${nameOf(offer.image)}`}
                onChange={() => toggle(offer.image.id)}
              />
            ),
            isSelected: selection.has(offer.image.id),
          }),
        }))}
      />
    </>
  );

  /** Returns the cells after the name of the image. */
  function cellsOf(
    { image, offered_at: offeredAt, offered_by: offeredBy, expires_at: expiresAt }: Offer,
    answerOffer: (answer: MemberStatus) => void,
  ) {
    return [
      <>
        <Id value={image.owner} />
        {offeredBy !== null && offeredBy !== image.owner && (
          <small>
            offered by <Id value={offeredBy} />
          </small>
        )}
      </>,
      <>
        <Time value={offeredAt} />
        {expiresAt !== null && (
          <small>
            ends <Time value={expiresAt} />
          </small>
        )}
      </>,
      requirementsOf(image),
      image.tags.length === 0 ? '–' : <Tags tags={image.tags} />,
      <>
        {canChange &&
          answersOf[status].map(([answer, label]) => (
            <button type="button" aria-disabled={isBusy} onClick={() => answerOffer(answer)}>
              {label}
              <HiddenName name={nameOf(image)} />
            </button>
          ))}
        <a href={hrefOf({ view: 'history', imageId: image.id })}>
          History
          <HiddenName phrase="of" name={nameOf(image)} />
        </a>
      </>,
    ];
  }
}

function Tags({ tags }: Pick<Image, 'tags'>) {
  return (
    <ul class="tags">
      {tags.map((tag) => (
        <li>
          <bdi>{tag}</bdi>
        </li>
      ))}
    </ul>
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
