import type { ComponentChildren } from 'preact';

interface RowsTableProps {
  readonly caption: string;
  /** Headers of the columns. The cells of a column `Actions` have buttons and links only. */
  readonly columns: readonly string[];
  /** Rows: a key, the row header, and the other cells. */
  readonly rows: readonly (readonly [key: string, ...cells: ComponentChildren[]])[];
}

/** Table with a hidden caption. In a narrow space each row becomes a card, so its roles are explicit. */
export function RowsTable({ caption, columns, rows }: RowsTableProps) {
  return (
    <div class="table-frame">
      <table role="table" class="rows">
        <caption class="visually-hidden">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th role="columnheader" scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map(([key, header, ...cells]) => (
            <tr role="row" key={key}>
              <th role="rowheader" scope="row">
                {header}
              </th>
              {cells.map((cell, index) => {
                const label = columns[index + 1];
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
