/** The axes of a picture. */
import { type Scale, shareOf } from './scale.ts';
import { gridColor, quietColor, svgLine, svgText, textColor, textWidth } from './svg.ts';

/** The inside of a diagram, in pixels. */
export interface Frame {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** The place of a value on each axis. */
export const placeIn =
  ({ left, top, width, height }: Frame, x: Scale, y: Scale) =>
  ([across, up]: readonly [number, number]): [number, number] => [
    left + width * shareOf(x, across),
    top + height - height * shareOf(y, up),
  ];

/** Lines across the frame at the ticks of a scale, with their values and its name at the left. */
export function valueAxis(name: string, scale: Scale, frame: Frame): string[] {
  const { left, top, width, height } = frame;
  const widest = scale.ticks.reduce(
    (most, tick) => Math.max(most, textWidth(scale.format(tick), 12)),
    0,
  );
  const lines = scale.ticks.flatMap((tick) => {
    const y = top + height - height * shareOf(scale, tick);
    return [
      svgLine(
        [
          [left, y],
          [left + width, y],
        ],
        { color: gridColor },
      ),
      svgText(left - 8, y + 4, scale.format(tick), { anchor: 'end' }),
    ];
  });
  const style = { size: 13, anchor: 'middle', upright: true, width: height } as const;
  return [...lines, svgText(left - 18 - widest, top + height / 2, name, style)];
}

/** An axis below a frame, or above it. */
export function horizontalAxis(
  name: string,
  scale: Scale,
  { left, top, width, height }: Frame,
  side: 'below' | 'above' = 'below',
): string[] {
  const isBelow = side === 'below';
  const y = isBelow ? top + height : top;
  const away = (distance: number) => (isBelow ? y + distance : y - distance);
  const line = { color: isBelow ? quietColor : '#cccccc' };
  const color = isBelow ? textColor : quietColor;
  const base = isBelow ? 10 : 0;
  const ticks = scale.ticks.flatMap((tick) => {
    const x = left + width * shareOf(scale, tick);
    return [
      svgLine(
        [
          [x, y],
          [x, away(5)],
        ],
        line,
      ),
      svgText(x, away(8) + base, scale.format(tick), { anchor: 'middle', color }),
    ];
  });
  const ends: [number, number][] = [
    [left, y],
    [left + width, y],
  ];
  const style = { size: 13, anchor: 'middle' } as const;
  return [svgLine(ends, line), ...ticks, svgText(left + width / 2, away(26) + base, name, style)];
}
