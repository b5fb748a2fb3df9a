/** The page of one file. It is built into a template, which `assemblePage` puts a model into. */
import { render } from 'preact';
import { App, type OpenModel } from './app.tsx';
import { ENGINE, startEngine } from './engine.ts';
import './style.css';

/** The texts of the page's files, which leave the page. */
function takeFiles(): Record<string, string> {
  const files: Record<string, string> = {};
  for (const element of document.querySelectorAll<HTMLElement>('script[data-file]')) {
    const name = element.dataset.file!;
    files[name] = element.textContent!;
    // The next page needs the engine too.
    if (name !== ENGINE) element.remove();
  }
  return files;
}

/** Opens the model. Its files are kept by nothing here: they are as large as the page. */
async function openModel({ [ENGINE]: source, ...files }: Record<string, string>) {
  const engine = await startEngine(source);
  return { engine, ...(await engine.open(files)) } satisfies OpenModel;
}

const opening = openModel(takeFiles());
// Without the model, and before anything else changes it, the page is the template of the next one.
const template = `<!doctype html>\n${document.documentElement.outerHTML}\n`;

render(<App opening={opening} template={template} />, document.getElementById('app')!);
