/** Runs an example: `node dist/examples/run.js xor [cpu | wasm | webgpu]`. Prints its losses. */
import { useDevice } from 'wigbert';

const [name, device = 'auto'] = process.argv.slice(2);
const opened = await useDevice(device as 'cpu' | 'wasm' | 'webgpu' | 'auto');
const { default: main } = await import(`./${name}.js`);
const losses: number[] = await main();
console.log(losses.map((loss, step) => `${step}: ${loss.toFixed(6)}`).join('\n'));
opened.destroy();
