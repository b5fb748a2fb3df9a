/** The text of a model card: Hugging Face's metadata, then what people read. */

/** A measure of a model. */
export interface Figure {
  name: string;
  /** Hugging Face's name of the metric. */
  type: string;
  value: number;
  text: string;
}

/** What is known of the model that a training started from. */
export interface BaseFacts {
  license?: string;
  language?: string;
}

export interface CardContent {
  /** The line by which the card is known as written by a program. */
  mark: string;
  title: string;
  pipelineTag?: string;
  purpose: string;
  architecture: string;
  size: string;
  /** The model it started from. */
  from?: string;
  isFolder: boolean;
  base: BaseFacts;
  language?: string;
  files: readonly { name: string; sha256?: string }[];
  data: readonly string[];
  figures: readonly Figure[];
  when?: string;
  command?: string;
  settings: object;
  versions: string;
}

/** License and language in the metadata of a card. */
export function baseFacts(card: string): BaseFacts {
  const [, metadata = ''] = /^\ufeff?---\r?\n([\s\S]*?)\r?\n---/.exec(card) ?? [];
  const field = (name: string) =>
    new RegExp(`^${name}:[ \\t]*(?:\\r?\\n-[ \\t]*)?["']?([\\w.-]+)`, 'm').exec(metadata)?.[1];
  return { license: field('license'), language: field('language') };
}

/** The language of texts in a script of its own; undefined for those that share theirs. */
export function languageOf(texts: readonly string[]): string | undefined {
  const all = texts.join(' ');
  const letters = all.match(/\p{L}/gu)?.length ?? 0;
  const share = (script: RegExp) => (all.match(script)?.length ?? 0) / letters;
  if (share(/\p{Script=Hangul}/gu) > 0.3) return 'ko';
  if (share(/[\p{Script=Hiragana}\p{Script=Katakana}]/gu) > 0.2) return 'ja';
  return undefined;
}

/** The whole file. */
export function cardText(content: CardContent): string {
  const { title, purpose, architecture, size, from, files, data, command } = content;
  const start = from === undefined ? 'random weights' : `\`${from}\``;
  const facts = [
    ...files.map(({ name, sha256 }) => `\`${name}\`${sha256 ? ` (SHA-256 ${sha256})` : ''}`),
    ...data,
  ];
  const figures = content.figures.map(({ name, text }) => `| ${name} | ${text} |`);
  const results =
    figures.length === 0
      ? 'Nothing was set aside for validation.'
      : [`On the validation data, ${content.when}:\n`, '| metric | value |', '| --- | --- |']
          .concat(figures)
          .join('\n');
  const how = command === undefined ? '' : `\`\`\`sh\n${command}\n\`\`\`\n\n`;
  return `---
${metadata(content)}---

${content.mark}

# ${title}

\`${architecture}\` (${size}) for ${purpose}, trained from ${start}.

## Data

${facts.map((fact) => `- ${fact}`).join('\n')}

## Results

${results}

## Recipe

${how}All options:

\`\`\`json
${JSON.stringify(shown(content.settings), undefined, 2)}
\`\`\`

${content.versions}.
`;
}

/** Settings without what only resuming needs. */
const shown = (settings: object): object =>
  Object.fromEntries(
    Object.entries(settings).filter(([name]) => !['bytes', 'totalSteps'].includes(name)),
  );

/** YAML; texts that need quotes have those of JSON. */
function metadata(content: CardContent): string {
  const { pipelineTag, base, from, isFolder, figures, files, title } = content;
  const quote = (text: string) => JSON.stringify(text);
  const language = content.language ?? base.language;
  const lines = [
    ...(language ? [`language: ${language}`] : []),
    ...(base.license ? [`license: ${base.license}`] : []),
    'library_name: transformers',
    ...(pipelineTag ? [`pipeline_tag: ${pipelineTag}`] : []),
    'tags:',
    ...['wigbert', 'bert', ...(pipelineTag ? [pipelineTag] : [])].map((tag) => `- ${tag}`),
    ...(from !== undefined && !isFolder ? [`base_model: ${quote(from)}`] : []),
  ];
  const measured = figures.filter(({ value }) => Number.isFinite(value));
  if (measured.length > 0) {
    lines.push('metrics:', ...measured.map(({ type }) => `- ${type}`));
    // Only datasets of the hub have a place in `datasets`; files are named with their results.
    const dataset = files.map(({ name }) => name).join(', ');
    lines.push(
      ...['model-index:', `- name: ${quote(title)}`, '  results:', '  - task:'],
      `      type: ${pipelineTag ?? 'other'}`,
      ...['    dataset:', `      name: ${quote(dataset)}`, `      type: ${quote(dataset)}`],
      ...['      split: validation', '    metrics:'],
      ...measured.flatMap(({ name, type, value }) => [
        `    - type: ${type}`,
        `      value: ${value}`,
        `      name: ${quote(name)}`,
      ]),
    );
  }
  return `${lines.join('\n')}\n`;
}
