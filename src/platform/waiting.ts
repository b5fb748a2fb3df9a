export { waitForDevice, yieldToEventLoop } from '#platform';
