/** The worker of the page: the engine and the model, so that the page never waits for them. */
import { assemblePage, fileOfElement } from '../../src/train/recipes/pageFile.ts';
import { PageModel } from './model.ts';
import type { Methods, Request, Response } from './protocol.ts';

const CORRECTIONS = 'corrections.json';

let model: PageModel;

const methods: Methods = {
  async open(texts) {
    const files: Record<string, Uint8Array> = {};
    for (const [name, text] of Object.entries(texts)) files[name] = await fileOfElement(name, text);
    const { [CORRECTIONS]: stored, ...folder } = files;
    model = await PageModel.open(folder);
    const corrections = stored ? JSON.parse(new TextDecoder().decode(stored)) : [];
    return { info: model.info, corrections };
  },

  async predict(input) {
    const [answer] = await model.predict([input]);
    return answer;
  },

  learn: (corrections) => model.learn(corrections),

  async save({ template, corrections, ...options }) {
    const bytes = new TextEncoder().encode(JSON.stringify(corrections));
    const files = { ...(await model.files()), [CORRECTIONS]: bytes };
    return new Blob([await assemblePage(template, files, options)]);
  },
};

/** Requests are answered one after the other: a text waits while the model learns. */
let last: Promise<unknown> = Promise.resolve();

self.onmessage = ({ data: { id, method, argument } }: MessageEvent<Request>) => {
  last = last
    .then(() => methods[method](argument as never) as Promise<unknown>)
    .then(
      (result): Response => ({ id, result }),
      (error): Response => ({ id, error: error instanceof Error ? error.message : String(error) }),
    )
    .then((response) => self.postMessage(response));
};
