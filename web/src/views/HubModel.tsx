import { useState } from 'preact/hooks';
import { formatBytes } from '../../../src/platform/format.ts';
import { stopDownload, useHubModel } from '../actions/data.ts';
import { isTraining, useStore, useWords } from '../store.ts';

/** A field for the name of a base model on the hub. */
export function HubModel() {
  const words = useWords();
  const state = useStore();
  const [name, setName] = useState('');
  const { download } = state;
  return (
    <form
      class="hub"
      onSubmit={(event) => {
        event.preventDefault();
        useHubModel(name.trim());
      }}
    >
      <fieldset class="buttons" disabled={isTraining(state)}>
        <label class="field">
          <span>{words.hub.name}</span>
          <input
            type="text"
            {...{ autocomplete: 'off', autocapitalize: 'off', spellcheck: false }}
            placeholder="klue/bert-base"
            required
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <button type="submit">{words.hub.fetch}</button>
      </fieldset>
      <p class="quiet">{words.hub.hint}</p>
      <Download />
      {download?.refusal && (
        <p class="problem" role="alert">
          {words.hub.refusals[download.refusal](download.name)}
        </p>
      )}
    </form>
  );
}

function Download() {
  const words = useWords();
  const { download } = useStore();
  if (!download || download.refusal) return null;
  const { name, loaded, total } = download;
  return (
    <div class="download">
      <progress aria-label={words.hub.fetching(name)} value={loaded} max={total} />
      <p class="buttons">
        <span>
          {words.hub.fetching(name)}
          {total && loaded !== undefined && (
            <span class="quiet"> {words.hub.of(formatBytes(loaded), formatBytes(total))}</span>
          )}
        </span>
        <button type="button" onClick={stopDownload}>
          {words.hub.stop}
        </button>
      </p>
    </div>
  );
}
