import {
  aspects,
  filmAdjectives,
  films,
  others,
  reactions,
  remarks,
  verdicts,
} from './phrases.mjs';

const degrees = ['', '', '', '', 'really ', 'truly ', 'so ', 'quite '];
const negators = ['not', 'never', 'far from'];
const said = {
  positive: ['loved', 'enjoyed', 'adored'],
  negative: ['hated', 'disliked', 'could not stand'],
};

const opposite = (side) => (side === 'positive' ? 'negative' : 'positive');
const a = (words) => `${/^[aeiou]/.test(words) ? 'an' : 'a'} ${words}`;
const capital = (text) => text[0].toUpperCase() + text.slice(1);

/**
 * A maker of reviews.
 * @param random returns uniform numbers in [0, 1)
 * @returns `review(side)`: a text that comes down on the side of 'positive' or 'negative'
 */
export function reviewMaker(random) {
  const parts = partsMaker(random);
  const { chance, pick, pickNew } = parts;
  const [plain, negation, contrast, turn] = [
    plainMaker,
    negationMaker,
    contrastMaker,
    turnMaker,
  ].map((maker) => maker(parts));
  const sentences = (side) => {
    const draw = random();
    const main = draw < 0.42 ? plain : draw < 0.55 ? negation : draw < 0.84 ? contrast : turn;
    const more = main === plain ? 0.4 : 0.25;
    const texts = [main(side)];
    if (chance(more)) texts.push(plain(side));
    if (chance(more)) texts.push(pickNew(verdicts[side]));
    if (chance(0.3)) texts.splice(chance(0.6) ? 0 : texts.length, 0, pick(remarks));
    return texts;
  };
  return (side) => {
    parts.used.clear();
    const texts = sentences(side);
    // Some people neither capitalise nor end their sentences.
    if (chance(0.2)) return texts.join(pick(['. ', ' ... ']));
    const end = chance(0.12) ? '!' : '.';
    return `${texts.map(capital).join('. ')}${end}`;
  };
}

/** Draws words and parts of sentences. */
function partsMaker(random) {
  const chance = (probability) => random() < probability;
  const pick = (items) => items[Math.floor(random() * items.length)];
  /** Items that the current review has used: it repeats nothing. */
  const used = new Set();
  const pickNew = (items) => {
    const item = pick(items.filter((candidate) => !used.has(candidate)));
    used.add(item);
    return item;
  };
  /** The kind of film the review is about: named once, then it is just a film. */
  const genre = () => (films.some((film) => used.has(film)) ? 'film' : pickNew(films));
  const claim = (side, { name, be, [side]: words } = pickNew(aspects)) =>
    chance(0.35)
      ? `the ${name} ${pick(words.did)}`
      : `the ${name} ${be} ${pick(degrees)}${pick(words.adjectives)}`;
  const negatedClaim = (side, { name, be, [opposite(side)]: words } = pickNew(aspects)) =>
    `the ${name} ${be} ${pick(negators)} ${pick(words.adjectives)}`;
  const adjective = (side) => pickNew(filmAdjectives[side]);
  const film = (side) => `${adjective(side)} ${genre()}`;
  return { chance, pick, used, pickNew, genre, claim, negatedClaim, adjective, film };
}

/** Says it straight out. */
function plainMaker({ pick, pickNew, genre, claim, adjective, film }) {
  const forms = [
    (side) => a(film(side)),
    (side) => `what ${a(film(side))}`,
    (side) => `this is ${a(film(side))}`,
    (side) => `I found this ${genre()} ${adjective(side)}`,
    (side) => `${adjective(side)} from start to finish`,
    (side) => `I ${pick(said[side])} this ${genre()}`,
    (side) => claim(side),
    (side) => `${claim(side)} and ${claim(side)}`,
    (side) => `${a(film(side))}, ${pickNew(reactions[side])}`,
    (side) => pickNew(reactions[side]),
  ];
  return (side) => pickNew(forms)(side);
}

/** Denies the opposite. */
function negationMaker({ pick, genre, negatedClaim, adjective, film }) {
  return (side) => {
    const not = opposite(side);
    return pick([
      () => negatedClaim(side),
      () => negatedClaim(side),
      () => `${negatedClaim(side)} and ${negatedClaim(side)}`,
      () => `this is not ${a(film(not))}`,
      () => `there is nothing ${adjective(not)} about this ${genre()}`,
    ])();
  };
}

/** Grants the opposite and then overrules it: the main clause, or the last word, decides. */
function contrastMaker({ pick, pickNew, claim }) {
  return (side) => {
    const [first, second] = [pickNew(aspects), pickNew(aspects)];
    const granted = claim(opposite(side), first);
    const decides = claim(side, second);
    return pick([
      () => `${granted}, but ${decides}`,
      () => `${granted}, but ${decides}`,
      () => `although ${granted}, ${decides}`,
      () => `although ${granted}, ${decides}`,
      () => `${granted}. Still, ${decides}`,
      () => `yes, ${granted}, but ${pickNew(reactions[side])}`,
      () => `${granted} but ${decides} — ${pickNew(verdicts[side])}`,
      () => `despite the ${pick(first[opposite(side)].adjectives)} ${first.name}, ${decides}`,
    ])();
  };
}

/** Sets what was expected, or others think, against what was found. */
function turnMaker({ pick, adjective, film }) {
  return (side) => {
    const not = opposite(side);
    return pick([
      () => `I expected ${a(film(not))} and got ${a(adjective(side))} one`,
      () => `I got ${a(film(side))} where I had expected ${a(adjective(not))} one`,
      () => `it could have been ${a(film(not))}; instead it is ${a(adjective(side))} one`,
      () => `${pick(others)} called it ${adjective(not)}, I call it ${adjective(side)}`,
      () => `I call it ${adjective(side)}, ${pick(others)} called it ${adjective(not)}`,
      () => `${pick(others)} ${pick(said[not])} it, but I ${pick(said[side])} it`,
      () => `I ${pick(said[side])} it, but ${pick(others)} ${pick(said[not])} it`,
      () => `from ${a(adjective(not))} first half to ${a(adjective(side))} second half`,
    ])();
  };
}
