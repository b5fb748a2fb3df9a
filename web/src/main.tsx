import { render } from 'preact';
import { begin } from './actions/runs.ts';
import { listen } from './events.ts';
import { App } from './views/App.tsx';

listen();
render(<App />, document.getElementById('app')!);
begin();
