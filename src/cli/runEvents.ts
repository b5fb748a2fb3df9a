import type { RunEvent } from '../train/recipes/events.ts';

/** What is said of a run's folder and device in one line. */
export function runLine(event: Extract<RunEvent, { event: 'damaged' | 'deviceLost' }>): string {
  return event.event === 'damaged'
    ? `${event.folder} is damaged and left out: ${event.damage}`
    : `${event.message}; going on from the latest checkpoint on a new device`;
}
