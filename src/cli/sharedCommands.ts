/** Commands whose work several processes share. */
export const sharedCommands: readonly string[] = ['train', 'pretrain', 'evaluate', 'embed'];

/** Those that go on from a checkpoint. */
export const resumableCommands: readonly string[] = ['train', 'pretrain'];
