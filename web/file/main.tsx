/** The page of one file. It is built into a template, which `assemblePage` puts a model into. */
import { render } from 'preact';
import { App } from './app.tsx';
import { ENGINE } from './engine.ts';
import './style.css';

const files: Record<string, string> = {};
let engine = '';
for (const element of document.querySelectorAll<HTMLElement>('script[data-file]')) {
  const name = element.dataset.file!;
  if (name === ENGINE) engine = element.textContent!;
  else {
    files[name] = element.textContent!;
    element.remove();
  }
}
// Without the model, and before anything else changes it, the page is the template of the next one.
const template = `<!doctype html>\n${document.documentElement.outerHTML}\n`;

render(<App engine={engine} files={files} template={template} />, document.getElementById('app')!);
