/**
 * Prevents the browser from sending a form, and returns a function that reads its text fields by name, without spaces around
 * them.
 */
export function submittedTexts(event: SubmitEvent): (name: string) => string {
  event.preventDefault();
  const fields = new FormData(event.currentTarget as HTMLFormElement);
  return (name) => {
    const value = fields.get(name);
    return typeof value === 'string' ? value.trim() : '';
  };
}
