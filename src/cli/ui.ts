import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { shippedFile } from './shippedFile.ts';
import { builtPage, webFolder } from './webFolder.ts';
import { serveFolder } from './webServer.ts';

/** The system's program that opens an address in a browser. */
const openers: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
};

/** Opens an address in the browser; false where that cannot be done. */
async function openBrowser(url: string): Promise<boolean> {
  const [program, ...args] = openers[process.platform] ?? ['xdg-open'];
  const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true });
  child.unref();
  const ended = once(child, 'exit').then(([code]) => code === 0);
  // A program that goes on running has found a browser.
  const goesOn = new Promise<boolean>((resolve) => setTimeout(resolve, 2000, true).unref());
  return Promise.race([ended, goesOn]).catch(() => false);
}

/** Serves the page until Ctrl-C. */
export async function showPage({ port, open }: { port: number; open: boolean }): Promise<void> {
  builtPage('index.html');
  // The package has its model and its data once, not in the page too.
  const others = { models: shippedFile('models'), data: shippedFile('data') };
  const server = await serveFolder(webFolder(), port, others);
  console.log(`${server.url} (Ctrl-C ends it)`);
  if (open && !(await openBrowser(server.url)))
    console.error('no browser could be opened: open the address yourself');
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  server.close();
}
