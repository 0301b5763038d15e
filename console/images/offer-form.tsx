import { useRef } from 'preact/hooks';
import type { OwnImage } from '../api/types.ts';
import { useConsole } from '../components/console-context.ts';
import { toFutureUtc } from '../components/local-time.ts';
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
  const field = useRef<HTMLTextAreaElement>(null);
  const submit = (event: SubmitEvent) => {
    const text = submittedTexts(event);
    const form = event.currentTarget as HTMLFormElement;
    void change(async () => {
      const projects = parseProjectIds(text('projects'));
      const expires_at = text('end') === '' ? null : toFutureUtc(text('end'));
      const offers = projects.map((member_id) => ({ image_id: image.id, member_id, expires_at }));
      const outcome = describeOffers(projects, await api.offer(offers));
      if (outcome.failed.length === 0) form.reset();
      else if (field.current) field.current.value = outcome.failed.join('\n');
      return { text: outcome.text, isProblem: outcome.failed.length > 0 };
    });
  };
  return (
    <form class="filter" onSubmit={submit}>
      <label>
        Projects
        <textarea ref={field} name="projects" rows={2} required spellcheck={false} aria-describedby="offer-hint" />
      </label>
      <label>
        End (optional) <input type="datetime-local" name="end" aria-describedby="offer-hint" />
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
