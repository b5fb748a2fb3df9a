/** A machine on which the commands that begin as `working` work; `commands` are those that ran. */
export function machineWhere(working: readonly string[], isRoot = true) {
  const commands: string[] = [];
  const run = (command: string[]) => {
    const text = command.join(' ');
    commands.push(text);
    return { ok: working.some((begin) => text.startsWith(begin)), output: '' };
  };
  return { machine: { isRoot, run }, commands };
}
