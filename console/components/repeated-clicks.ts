/**
 * Ignores the further clicks of a double click on a button: after the first one, another button can be below the pointer.
 */
export function ignoreRepeatedClicks(): void {
  addEventListener(
    'click',
    (event) => {
      if (event.detail < 2 || !(event.target as Element).closest('button')) return;
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );
}
