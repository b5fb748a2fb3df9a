import { Html } from './html.ts';

/**
 * The style of the page: light or dark as the reader's system, light on paper, and with fonts that
 * have Hangul. Texts have a contrast of 4.5 to 1 and more.
 */
export const style = new Html(`
:root { color-scheme: light dark;
  --page: #f4f5f7; --card: #ffffff; --text: #1f2328; --quiet: #5b6470; --line: #d5d9df;
  --grid: #e6e8ec; --train: #2f6db5; --valid: #b85a0c; --shade: #2f6db5; --wrong: #c2410c; }
@media (prefers-color-scheme: dark) { :root {
  --page: #0f1216; --card: #181c22; --text: #e6e8eb; --quiet: #a3acb8; --line: #3a424d;
  --grid: #2a3038; --train: #6fa8ec; --valid: #f0954a; --shade: #4f8fdb; --wrong: #fb923c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.55 system-ui,
  "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans KR", "Noto Sans CJK KR", sans-serif;
  word-break: keep-all; overflow-wrap: anywhere; }
main { max-width: 1100px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 1.6rem; line-height: 1.3; margin: 0 0 4px; }
h2 { font-size: 1.15rem; margin: 0 0 10px; }
p { margin: 0 0 10px; }
header p, .note, caption, footer { color: var(--quiet); }
section, .figures div { background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; }
section { padding: 18px 18px 14px; margin-top: 16px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px;
  margin: 18px 0 0; }
.figures div { padding: 10px 14px; }
.figures dt { color: var(--quiet); font-size: .85rem; }
.figures dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.row { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 310px), 1fr));
  gap: 12px 20px; align-items: start; }
.row > * { min-width: 0; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr));
  gap: 0 16px; }
.pair > section { min-width: 0; }
svg { display: block; width: 100%; height: auto; margin: 0 auto; }
svg text { font-family: inherit; }
figure { margin: 0 0 8px; }
figcaption { text-align: center; color: var(--quiet); font-size: .9rem; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; justify-content: center;
  list-style: none; padding: 0; margin: 4px 0 8px; font-size: .9rem; }
.legend i { display: inline-block; width: 20px; height: 0; border-top: 3px solid; margin-right: 7px;
  vertical-align: middle; }
.scroll { overflow-x: auto; margin: 0 0 8px; }
.scroll:focus-visible { outline: 2px solid var(--train); }
table { border-collapse: collapse; font-size: .92rem; min-width: min(100%, 30rem);
  overflow-wrap: break-word; }
td code { overflow-wrap: anywhere; }
caption { text-align: left; padding-bottom: 6px; }
th, td { text-align: left; padding: 5px 10px; border-top: 1px solid var(--line);
  vertical-align: top; font-weight: normal; }
thead th, thead td { border-top: 0; color: var(--quiet); vertical-align: bottom; }
tbody th { font-weight: 600; max-width: 22em; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.confusion td { text-align: center; min-width: 4.2em; font-variant-numeric: tabular-nums; }
.confusion thead th { text-align: center; max-width: 10em; }
.confusion small { display: block; }
.texts { list-style: none; margin: 0; padding: 0; }
.texts li { border-top: 1px solid var(--line); padding: 9px 0; }
.texts q { display: block; quotes: none; white-space: pre-wrap; }
.texts q + q { margin-top: 4px; padding-left: 12px; border-left: 3px solid var(--line); }
.texts p { margin: 3px 0 0; font-size: .9rem; color: var(--quiet); }
.texts b { color: var(--text); font-weight: 600; }
.texts b.wrong { color: var(--wrong); }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Noto Sans Mono CJK KR",
  monospace; font-size: .88rem; }
pre { background: var(--page); border: 1px solid var(--line); border-radius: 8px;
  padding: 10px 12px; white-space: pre-wrap; margin: 0 0 12px; }
footer { margin-top: 20px; font-size: .85rem; }
@media print {
  :root { color-scheme: light; --page: #ffffff; --card: #ffffff; --text: #1f2328;
    --quiet: #5b6470; --line: #d5d9df; --grid: #e6e8ec; --train: #2f6db5; --valid: #b85a0c;
    --shade: #2f6db5; --wrong: #c2410c; }
  main { max-width: none; padding: 0; }
  section, .texts li, figure, tr { break-inside: avoid; }
  section:has(table), section:has(.texts) { break-inside: auto; }
  h2 { break-after: avoid; }
  .scroll { overflow: visible; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
`);
