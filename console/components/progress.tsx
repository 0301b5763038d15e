/** Text that appears if something takes longer than 300 ms. */
export function Progress({ label }: { readonly label: string }) {
  return (
    <p class="progress" role="status">
      {label} …
    </p>
  );
}
