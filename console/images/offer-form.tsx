import type { OwnImage } from '../api/types.ts';
import { useConsole } from '../components/console-context.ts';
import { maxTime, toFutureUtc } from '../components/local-time.ts';
import { submittedTexts } from '../components/submitted-texts.ts';
import type { ChangeMembers } from './change-members.ts';
import { describeOffers, parseProjectIds } from './offer-image.ts';

interface OfferFormProps {
  readonly image: OwnImage;
  readonly change: ChangeMembers;
}

/** Form that offers an image to one or several projects. The ids of projects that did not get the offer stay in it. */
export function OfferForm({ image, change }: OfferFormProps) {
  const { api, isBusy } = useConsole();
  const submit = (event: SubmitEvent) => {
    const text = submittedTexts(event);
    const { elements } = event.currentTarget as HTMLFormElement;
    // The user may have changed a field meanwhile.
    const replace = (name: string, value: string) => {
      const field = elements.namedItem(name) as HTMLInputElement;
      if (field.value.trim() === text(name)) field.value = value;
    };
    void change(async () => {
      const projects = parseProjectIds(text('projects'), image.owner);
      const expires_at = text('end') === '' ? null : toFutureUtc(text('end'));
      const offers = projects.map((member_id) => ({ image_id: image.id, member_id, expires_at }));
      const outcome = describeOffers(projects, await api.offer(offers));
      const isProblem = outcome.failed.length > 0;
      replace('projects', outcome.failed.join('\n'));
      if (!isProblem) replace('end', '');
      return { text: outcome.text, isProblem };
    });
  };
  return (
    <form class="filter" onSubmit={submit}>
      <label>
        Projects
        <textarea name="projects" rows={2} required spellcheck={false} aria-describedby="offer-hint" />
      </label>
      <label>
        End (optional) <input type="datetime-local" name="end" max={maxTime} aria-describedby="offer-hint" />
      </label>
      <button type="submit" aria-disabled={isBusy}>
        Offer
      </button>
      <small id="offer-hint">
        Up to 100 project ids, separated by spaces, commas or new lines. The end is in the time zone of your browser.
      </small>
    </form>
  );
}
