// Korean reviews. Stems are in the past tense, so that every ending fits each of them unchanged.

const list = (text) => text.split('|').map((item) => item.trim());

/** Subjects of praise and blame, with the particles 이/가 (or 도) and 은/는. */
const aspects = list(
  `연기가 연기는|스토리가 스토리는|배우들이 배우들은|음악이 음악은|영상미가 영상미는|결말이 결말은|연출이 연출은|대사가 대사는|액션이 액션은|캐릭터가 캐릭터는|
    전개가 전개는|반전이 반전은|내용이 내용은|감독이 감독은|주인공이 주인공은|초반이 초반은|후반부가 후반부는`,
).map((pair) => {
  const [subject, topic] = pair.split(' ');
  return { subject, topic };
});

const stems = {
  positive: list(
    '좋았|훌륭했|최고였|완벽했|인상적이었|마음에 들었|기대 이상이었|멋졌|신선했|매력적이었|감동적이었|재밌었|놀라웠|아름다웠',
  ),
  negative: list(
    '별로였|지루했|실망스러웠|엉성했|최악이었|유치했|뻔했|아쉬웠|어색했|산만했|식상했|억지스러웠|답답했|기대 이하였',
  ),
};

/** Stems of the present tense, for negation. */
const denied = {
  positive: list('좋|훌륭하|신선하|재밌|멋지|매력적이|감동적이|인상적이'),
  negative: list('지루하|뻔하|유치하|어색하|엉성하|산만하|식상하|답답하'),
};

/** Between sentences, and at the end; people write many. */
const breaks = ['. ', '. ', ' ', '.. ', '~ '];
const marks = ['', '', '.', '.', '!', '!!', '..', '~', ' ㅋㅋ'];
const endings = list('다|네요|습니다|어요|음|네|습니다|어요');

const verdicts = {
  positive: list(
    `강추합니다|꼭 보세요|시간 가는 줄 몰랐어요|또 보고 싶은 영화|인생 영화입니다|보는 내내 행복했어요|눈물이 났어요|오랜만에 제대로 웃었습니다|
      여운이 오래 남네요|두 번 봐도 재밌어요|명작이다|별점 만점 드립니다|가족과 함께 보기 좋아요|안 보면 후회합니다|가슴이 따뜻해지는 영화|역시 믿고 보는 감독`,
  ),
  negative: list(
    `시간이 아까웠어요|돈 아깝다|보다가 잠들었어요|비추합니다|두 번은 못 보겠다|왜 만들었는지 모르겠네요|하품만 나왔습니다|중간에 나왔어요|보지 마세요|낚였다|
      별 하나도 아깝습니다|졸작이다|끝까지 보기 힘들었어요|환불받고 싶다|예고편이 전부인 영화|다시는 이 감독 영화 안 봅니다`,
  ),
};

const degrees = list('정말|진짜|너무|참|꽤');

const remarks = list(
  `어제 극장에서 봤습니다|친구랑 같이 봤어요|주말에 집에서 봤어요|아이들과 봤습니다|개봉하는 날 봤네요|원작을 먼저 읽었어요|예고편을 보고 골랐습니다|
    두 시간 정도 됩니다|혼자 보러 갔어요|티비에서 하길래 봤다`,
);
const others = list('남들은|친구는|평론가들은|다들|동생은');
const opinions = { positive: '재밌다는데', negative: '재미없다는데' };
const negators = list('전혀|하나도|별로');
const expectations = {
  positive: list('기대 안 하고 봤는데|별 기대 없었는데|지루할 줄 알았는데|걱정하면서 봤는데'),
  negative: list('기대하고 봤는데|기대가 컸는데|재밌을 줄 알았는데|평점 보고 골랐는데'),
};

/**
 * A maker of Korean reviews.
 * @param random returns uniform numbers in [0, 1)
 * @returns `review(side)`: a text that comes down on the side of 'positive' or 'negative'
 */
export function koreanReviewMaker(random) {
  const chance = (probability) => random() < probability;
  /** Items that the current review has used: it repeats nothing. */
  const used = new Set();
  const any = (items) => items[Math.floor(random() * items.length)];
  const pick = (items) => {
    const item = any(items.filter((candidate) => !used.has(candidate)));
    used.add(item);
    return item;
  };
  const opposite = (side) => (side === 'positive' ? 'negative' : 'positive');
  const end = () => any(endings);
  const degree = () => (chance(0.25) ? `${pick(degrees)} ` : '');
  const claim = (side) => `${pick(aspects).subject} ${degree()}${pick(stems[side])}`;

  const plain = (side) =>
    pick([
      () => claim(side) + end(),
      () => claim(side) + end(),
      () => `${claim(side)}고 ${claim(side)}${end()}`,
      () => pick(verdicts[side]),
      () => `${claim(side)}${end()} ${pick(verdicts[side])}`,
    ])();
  const negation = (side) => {
    const denial = () =>
      `${pick(aspects).topic} ${pick(negators)} ${pick(denied[opposite(side)])}지 않았`;
    return chance(0.7) ? denial() + end() : `${denial()}고 ${claim(side)}${end()}`;
  };
  /** Grants the opposite and then overrules it: the last clause decides. */
  const contrast = (side) => {
    const granted = `${pick(aspects).topic} ${pick(stems[opposite(side)])}지만`;
    return chance(0.7)
      ? `${granted} ${pick(aspects).topic} ${pick(stems[side])}${end()}`
      : `${granted} ${pick(verdicts[side])}`;
  };
  /** Sets what was expected, or others think, against what was found. */
  const turn = (side) => {
    const before = chance(0.6)
      ? pick(expectations[side])
      : `${pick(others)} ${opinions[opposite(side)]} 저는`;
    return `${before} ${degree()}${pick(stems[side])}${end()}`;
  };

  return (side) => {
    used.clear();
    const draw = random();
    const main = draw < 0.45 ? plain : draw < 0.6 ? negation : draw < 0.82 ? contrast : turn;
    const parts = [main(side)];
    if (chance(0.25)) parts.push(pick(verdicts[side]));
    if (chance(0.25)) parts.unshift(pick(remarks));
    return parts.join(any(breaks)) + any(marks);
  };
}
