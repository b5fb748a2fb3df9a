import { render } from 'preact';
import { begin } from './store.ts';
import { App } from './views/App.tsx';

render(<App />, document.getElementById('app')!);
begin();
