import type { ComponentChildren } from 'preact';

/** A row of a table. */
interface Row {
  readonly key: string;
  /** Content of the row header. */
  readonly header: ComponentChildren;
  /** Contents of the other cells. */
  readonly cells: readonly ComponentChildren[];
  /** Checkbox in front of the row. */
  readonly mark?: ComponentChildren;
  readonly isSelected?: boolean;
}

interface RowsTableProps {
  readonly caption: string;
  /**
   * Headers of the columns, each with the class of its width: `short`, `medium` or `wide`; without a class, columns share the
   * rest. The cells of a column `Actions` have buttons and links only.
   */
  readonly columns: readonly (readonly [label: string, width?: string])[];
  readonly rows: readonly Row[];
}

/** Table with a hidden caption. In a narrow space each row becomes a card, so its roles are explicit. */
export function RowsTable({ caption, columns, rows }: RowsTableProps) {
  return (
    <div class="table-frame">
      <table role="table" class="rows">
        <caption class="visually-hidden">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {rows[0]?.mark !== undefined && (
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
          {rows.map(({ key, header, cells, mark, isSelected }) => (
            <tr role="row" key={key} class={isSelected === true ? 'selected' : undefined}>
              {mark !== undefined && (
                <td role="cell" class="select">
                  {mark}
                </td>
              )}
              <th role="rowheader" scope="row" tabIndex={-1}>
                {header}
              </th>
              {cells.map((cell, index) => {
                const label = columns[index + 1]?.[0];
                return (
                  <td role="cell" {...(label === 'Actions' ? { class: 'actions' } : { 'data-label': label })}>
                    {cell}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
