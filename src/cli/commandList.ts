import type { Command } from 'commander';

interface CommandRow {
  /** What it does, for the help. */
  description: string;
  /** Makes the command with its options: only the one that is used is loaded. */
  load: () => Promise<Command>;
}

/** The commands, in the order of the help. */
export const commandList: Readonly<Record<string, CommandRow>> = {
  check: {
    description: 'look through labelled data before training on it',
    load: async () => (await import('./commands/check.ts')).checkCommand(),
  },
  train: {
    description: 'fine-tune a model on labelled texts, pairs of texts, words, questions or choices',
    load: async () => (await import('./commands/train.ts')).trainCommand(),
  },
  pretrain: {
    description: 'pre-train a model on plain texts: masked words, next sentences, or both',
    load: async () => (await import('./commands/pretrain.ts')).pretrainCommand(),
  },
  launch: {
    description: 'train in several processes, on one machine or more, with Open MPI',
    load: async () => (await import('./commands/launch.ts')).launchCommand(),
  },
  evaluate: {
    description: 'measure a model on labelled texts, pairs of texts, words, questions or choices',
    load: async () => (await import('./commands/evaluate.ts')).evaluateCommand(),
  },
  report: {
    description: 'make the page of a run that has ended, report.html, once more',
    load: async () => (await import('./commands/report.ts')).reportCommand(),
  },
  verify: {
    description: 'compute steps of a run again and compare the bits, by its receipt.json',
    load: async () => (await import('./commands/verify.ts')).verifyCommand(),
  },
  predict: {
    description: 'label or score texts, tag their words, answer questions or choose among texts',
    load: async () => (await import('./commands/predict.ts')).predictCommand(),
  },
  embed: {
    description: 'turn texts into vectors',
    load: async () => (await import('./commands/embed.ts')).embedCommand(),
  },
  study: {
    description:
      'compare random weights, word vectors and causal, two-way and masked pre-training, as ' +
      'features and fine-tuned, on equal budgets; the same command continues a stopped study',
    load: async () => (await import('./commands/study.ts')).studyCommand(),
  },
  tokenize: {
    description: 'show how a text, or a pair of texts, becomes tokens and ids',
    load: async () => (await import('./commands/tokenize.ts')).tokenizeCommand(),
  },
  vocab: {
    description: 'learn a WordPiece vocabulary from texts',
    load: async () => (await import('./commands/vocab.ts')).vocabCommand(),
  },
  convert: {
    description: 'store a model with any head, and its tokenizer, in another precision',
    load: async () => (await import('./commands/convert.ts')).convertCommand(),
  },
  merge: {
    description: 'add an adapter to the weights of its base model, and save the whole model',
    load: async () => (await import('./commands/merge.ts')).mergeCommand(),
  },
  export: {
    description: 'write a model in another form, for other runtimes',
    load: async () => (await import('./commands/export.ts')).exportCommand(),
  },
  info: {
    description: 'show the devices of this machine, how fast they are, and which one auto is',
    load: async () => (await import('./commands/info.ts')).infoCommand(),
  },
  kernels: {
    description: 'list the kernels, or print the WGSL of some of them as this adapter runs it',
    load: async () => (await import('./commands/kernels.ts')).kernelsCommand(),
  },
  bench: {
    description:
      'time kernels and whole training steps, beside the peaks of the device and the cpu device',
    load: async () => (await import('./commands/bench.ts')).benchCommand(),
  },
  tune: {
    description: 'time the variants of kernels on this adapter, and keep the fastest for later',
    load: async () => (await import('./commands/tune.ts')).tuneCommand(),
  },
  demo: {
    description: 'fine-tune the small Korean BERT of this package on the reviews that come with it',
    load: async () => (await import('./commands/demo.ts')).demoCommand(),
  },
  ui: {
    description: 'serve the page to this machine, and open it: train and try models in the browser',
    load: async () => (await import('./commands/ui.ts')).uiCommand(),
  },
  init: {
    description: 'make a small project in a new folder: reviews, and a program that learns them',
    load: async () => (await import('./commands/init.ts')).initCommand(),
  },
  setup: {
    description: 'look for a WebGPU adapter; install a software driver, or say how to get one',
    load: async () => (await import('./commands/setup.ts')).setupCommand(),
  },
  doctor: {
    description: 'show what this machine has, and prove it: a screen to paste into a bug report',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  },
};
