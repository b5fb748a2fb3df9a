/**
 * How threads share the tiles of a launch. The first thread publishes a launch and takes tiles like
 * all the others; then it waits until the last tile is done. Nothing here sends a message.
 *
 * `TICKET` holds the number of the launch (upper half) and of its tiles that nobody took (lower
 * half). Both change in one atomic operation, so a thread that wakes late cannot take a tile by the
 * count of another launch. While one holds a tile, the launch cannot end, so its description stays.
 *
 * The words lie in lines of their own, so that threads which spin on one do not slow down another.
 */
const TICKET: usize = 1024;
const DONE: usize = 1088;
const LAUNCHES: usize = 1152;
const SLEEPERS: usize = 1216;
const ENTRY: usize = 1280;
const ARGS: usize = 1284;
const TILES: usize = 1288;
/** Set while the first thread sleeps until `DONE` reaches `TILES`. */
const JOINING: usize = 1344;
/** Set if a thread has failed in a tile, which is then never done. */
const FAILED: usize = 1408;

/** Rounds of spinning before a thread sleeps: longer than between two launches of a step. */
const SPINS: i32 = 20000;

/** Starts a launch; the others wake up. The one before must be done. */
export function publish(entry: i32, args: usize, tiles: i32): void {
  store<i32>(ENTRY, entry);
  store<usize>(ARGS, args);
  store<i32>(TILES, tiles);
  atomic.store<i32>(DONE, 0);
  const launch = atomic.load<i32>(LAUNCHES) + 1;
  atomic.store<i64>(TICKET, (<i64>launch << 32) | <i64>tiles);
  atomic.store<i32>(LAUNCHES, launch);
  if (atomic.load<i32>(SLEEPERS) > 0) atomic.notify(LAUNCHES, -1);
}

/** Takes a tile of the launch; -1 if all are taken. */
export function take(): i32 {
  while (true) {
    const ticket = atomic.load<i64>(TICKET);
    const left = <i32>ticket;
    if (left == 0) return -1;
    if (atomic.cmpxchg<i64>(TICKET, ticket, ticket - 1) == ticket)
      return load<i32>(TILES) - left;
  }
  return -1;
}

/** What the launch runs; stable while one holds a tile of it. */
export function launchedEntry(): i32 {
  return load<i32>(ENTRY);
}
export function launchedArgs(): usize {
  return load<usize>(ARGS);
}

/** Reports that a tile is done. */
export function finish(): void {
  const tiles = load<i32>(TILES);
  if (atomic.add<i32>(DONE, 1) + 1 == tiles && atomic.load<i32>(JOINING) != 0)
    atomic.notify(DONE, -1);
}

/** Reports that this thread cannot go on. */
export function fail(): void {
  atomic.store<i32>(FAILED, 1);
  atomic.notify(DONE, -1);
}

/**
 * Waits a little until all tiles are done, by spinning. Returns the number of tiles that are not,
 * or -1 if a thread has failed.
 */
export function join(): i32 {
  const tiles = load<i32>(TILES);
  for (let i = 0; i < SPINS; i++) if (atomic.load<i32>(DONE) == tiles) return 0;
  return atomic.load<i32>(FAILED) != 0 ? -1 : tiles - atomic.load<i32>(DONE);
}

/**
 * Sleeps until all tiles are done, some `milliseconds` at most: only where the first thread may, so
 * not in the main thread of a browser. No variable lives across the wait, since V8 11 loses some.
 */
export function doze(milliseconds: i32): void {
  atomic.store<i32>(JOINING, 1);
  const done = atomic.load<i32>(DONE);
  if (done != load<i32>(TILES) && atomic.load<i32>(FAILED) == 0)
    atomic.wait<i32>(DONE, done, <i64>milliseconds * 1000000);
  atomic.store<i32>(JOINING, 0);
}

/** Waits for a launch after number `seen`; returns its number. As to the wait, see `doze`. */
export function sleep(seen: i32): i32 {
  for (let i = 0; i < SPINS; i++) {
    const launch = atomic.load<i32>(LAUNCHES);
    if (launch != seen) return launch;
  }
  atomic.add<i32>(SLEEPERS, 1);
  atomic.wait<i32>(LAUNCHES, seen, -1);
  atomic.sub<i32>(SLEEPERS, 1);
  return atomic.load<i32>(LAUNCHES);
}
