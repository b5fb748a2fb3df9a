// Prints the labels that a saved model gives to the texts of the app.
import process from 'node:process';
import { useDevice } from 'wigbert';
import { pipeline } from 'wigbert/train';
import { texts } from './app.js';

await useDevice('cpu');
const classifier = await pipeline('text-classification', process.argv[2]);
console.log((await classifier.predict(texts)).map(({ label }) => label).join());
