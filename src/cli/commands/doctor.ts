import { Command } from 'commander';
import { deviceOption, jsonOption } from '../options.ts';

export function doctorCommand(): Command {
  return new Command('doctor')
    .addOption(deviceOption())
    .addOption(jsonOption())
    .action(async ({ device, json }) => {
      const { diagnose, doctorLines } = await import('../doctor.ts');
      const diagnosis = await diagnose(device);
      console.log(json ? JSON.stringify(diagnosis) : doctorLines(diagnosis).join('\n'));
      if (!diagnosis.checks.every(({ ok }) => ok)) process.exitCode = 1;
    });
}
