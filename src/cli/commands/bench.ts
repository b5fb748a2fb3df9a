import { Command } from 'commander';
import type { KernelTiming } from '../../../bench/kernels.ts';
import { CpuDevice } from '../../gpu/cpu.ts';
import { deviceOption, jsonOption, openFor } from '../options.ts';

export function benchCommand(): Command {
  return new Command('bench')
    .description('time the kernels on both devices')
    .argument('[filter]', 'only kernels whose name contains this', '')
    .addOption(deviceOption())
    .addOption(jsonOption())
    .action(async (filter: string, options) => {
      const device = await openFor(options.device, options.json);
      const devices = device.kind === 'cpu' ? [device] : [device, new CpuDevice()];
      const { benchKernels } = await import('../../../bench/kernels.ts');
      if (!options.json) console.log(header);
      const cases = await benchKernels(devices, filter, (timings) => {
        if (options.json) for (const timing of timings) console.log(JSON.stringify(timing));
        else console.log(row(timings));
      });
      if (cases === 0) console.error(`no kernel has ${JSON.stringify(filter)} in its name`);
    });
}

const columns = ['ms', 'GFLOP/s', 'GB/s', 'cpu ms', 'webgpu : cpu'];
const header = `${'kernel'.padEnd(58)}${columns.map((name) => name.padStart(13)).join('')}`;

function row(timings: readonly KernelTiming[]): string {
  const [first, cpu] = timings;
  const number = (value: number | null | undefined) => (value === null || value === undefined ? '' : value.toPrecision(3));
  const speedup = cpu && `${(cpu.milliseconds / first.milliseconds).toPrecision(2)} ×`;
  const cells = [
    number(first.milliseconds),
    number(first.gflops),
    number(first.gbPerSecond),
    number(cpu?.milliseconds),
    speedup ?? '',
  ];
  return `${`${first.kernel} ${caseText(first.case)}`.padEnd(58)}${cells.map((cell) => cell.padStart(13)).join('')}`;
}

/** The sizes of a case; strides and offsets follow from them. */
function caseText(params: Record<string, unknown>): string {
  const sizes = Object.entries(params).filter(
    ([name, value]) => typeof value === 'number' && /^(m|n|k|rows|cols|count|vocab|outer|inner|blocks|batch0)$/.test(name),
  );
  return sizes.map(([name, value]) => `${name}=${value}`).join(' ');
}
