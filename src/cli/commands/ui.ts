import { Command, InvalidArgumentError, Option } from 'commander';

const port = (text: string): number => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535)
    throw new InvalidArgumentError('Expected a port from 0 to 65535.');
  return value;
};

export function uiCommand(): Command {
  return new Command('ui')
    .addOption(
      new Option('--port <n>', 'port; if it is taken, one after it. 0: any that is free')
        .argParser(port)
        .default(8321),
    )
    .option('--no-open', 'do not open a browser')
    .action(async (options) => {
      const { showPage } = await import('../ui.ts');
      await showPage(options);
    });
}
