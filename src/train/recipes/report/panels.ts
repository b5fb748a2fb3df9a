import { panelPicture } from '../../trainer/curves.ts';
import type { History } from '../../trainer/history.ts';
import { historyCurves } from '../../trainer/picture.ts';
import { themed } from './html.ts';

/** One measure of a history. */
export interface HistoryPanel {
  /** Such as `loss`. */
  name: string;
  /** An SVG picture, 430 pixels wide. */
  svg: string;
}

/**
 * Draws each measure of a history as a picture of its own, to be part of a page: its colours are
 * the page's CSS variables `--train`, `--valid`, `--text`, `--quiet`, `--grid`, `--line` and
 * `--card`. The history may be one that still grows.
 * @example
 * for (const { svg } of historyPanels(history)) figure.innerHTML += svg;
 */
export function historyPanels(history: History): HistoryPanel[] {
  const curves = historyCurves(history, 'Curves');
  return curves.panels.map((panel) => ({
    name: panel.name,
    svg: themed(panelPicture(panel, curves)),
  }));
}
