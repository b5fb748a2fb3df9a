/** Commands whose training several processes share. */
export const sharedCommands: readonly string[] = ['train', 'pretrain'];
