// Phrases of the sample reviews. A list is one string, its items separated by `|`.

const list = (text) => text.split('|').map((item) => item.trim());

/** Aspects of a film: name, adjectives and deeds, good and bad. */
export const aspects = [
  aspect('acting', 'superb|natural|warm|brilliant', 'wooden|flat|stiff|awkward', {
    good: 'felt real|carried every scene|won me over',
    bad: 'felt forced|ruined every scene|put me off',
  }),
  aspect('story', 'gripping|clever|moving|fresh', 'thin|confusing|predictable|silly', {
    good: 'kept me guessing|pulled me in|had real heart',
    bad: 'went nowhere|fell apart|made no sense',
  }),
  aspect('plot', 'gripping|clever|surprising|fresh', 'thin|confusing|predictable|stale', {
    good: 'kept me guessing|moved along nicely|paid off',
    bad: 'went nowhere|dragged|ran out of steam',
  }),
  aspect('script', 'sharp|witty|clever|fresh', 'lazy|clumsy|stale|dull', {
    good: 'sparkled|had something to say|trusted the audience',
    bad: 'fell apart|had nothing to say|insulted the audience',
  }),
  aspect('dialogue', 'witty|sharp|natural|lively', 'clumsy|stiff|corny|dull', {
    good: 'sparkled|sounded like real people|made me grin',
    bad: 'rang false|sounded like a lecture|made me cringe',
  }),
  aspect('music', 'lovely|haunting|beautiful|memorable', 'loud|annoying|bland|forgettable', {
    good: 'gave me chills|lifted every scene|stayed with me',
    bad: 'gave me a headache|drowned every scene|got on my nerves',
  }),
  aspect('pacing', 'brisk|perfect|lively|superb', 'slow|uneven|sluggish|dreadful', {
    good: 'kept me awake|kept me glued to the screen',
    bad: 'put me to sleep|tested my patience',
  }),
  aspect('ending', 'moving|perfect|surprising|beautiful', 'weak|silly|predictable|dreadful', {
    good: 'brought me to tears|saved everything|left me smiling',
    bad: 'came from nowhere|ruined everything|left me cold',
  }),
  aspect('romance', 'tender|sweet|charming|moving', 'bland|forced|corny|cold', {
    good: 'melted my heart|felt real|won me over',
    bad: 'left me cold|felt forced|put me off',
  }),
  aspect('villain', 'chilling|superb|clever|memorable', 'dull|silly|weak|forgettable', {
    good: 'stole the show|gave me chills',
    bad: 'spoiled the show|bored me to death',
  }),
  aspect('lead actor', 'superb|charming|brilliant|convincing', 'miscast|wooden|dull|stiff', {
    good: 'lit up the screen|stole the show|delivered every line perfectly',
    bad: 'looked lost|spoiled the show|mumbled every line',
  }),
  aspect('lead actress', 'superb|charming|brilliant|convincing', 'miscast|wooden|flat|awkward', {
    good: 'lit up the screen|won me over|delivered every line perfectly',
    bad: 'looked lost|put me off|mumbled every line',
  }),
  aspect('jokes', 'hilarious|clever|sharp|fresh', 'stale|lazy|crude|painful', {
    good: 'made me laugh out loud|landed every time',
    bad: 'made me groan out loud|fell flat every time',
  }),
  aspect('effects', 'stunning|impressive|beautiful|superb', 'cheap|fake|ugly|clumsy', {
    good: 'took my breath away|looked real',
    bad: 'looked fake|took me out of the story',
  }),
  aspect('characters', 'lively|convincing|charming|memorable', 'flat|annoying|bland|forgettable', {
    good: 'came alive|felt like old friends|stayed with me',
    bad: 'bored me to death|felt like cardboard|got on my nerves',
  }),
  aspect('songs', 'catchy|lovely|beautiful|memorable', 'bland|annoying|endless|forgettable', {
    good: 'stayed with me|lifted my mood',
    bad: 'went on forever|killed my mood',
  }),
  aspect('fight scenes', 'gripping|stunning|impressive|bold', 'messy|endless|silly|confusing', {
    good: 'took my breath away|had me on the edge of my seat',
    bad: 'went on forever|had me looking at my watch',
  }),
];

function aspect(name, goodAdjectives, badAdjectives, { good, bad }) {
  const isPlural = /[^s]s$/.test(name);
  return {
    name,
    be: isPlural ? 'were' : 'was',
    positive: { adjectives: list(goodAdjectives), did: list(good) },
    negative: { adjectives: list(badAdjectives), did: list(bad) },
  };
}

export const films = list(
  `film|movie|comedy|drama|thriller|picture|love story|western|mystery|adventure|sequel|
    musical|horror film|family film|war film|fairy tale`,
);

export const filmAdjectives = {
  positive: list(
    `charming|wonderful|gripping|delightful|brilliant|clever|beautiful|funny|memorable|
      exciting|fresh|excellent|lovely|great|good|moving`,
  ),
  negative: list(
    `boring|terrible|awful|dull|clumsy|lazy|predictable|forgettable|tedious|bad|weak|annoying|
      messy|disappointing|bland|silly`,
  ),
};

/** What the viewer did or felt. */
export const reactions = {
  positive: list(
    `I loved every minute|I laughed and cried|I was hooked from the first scene|
      I could have watched for hours|time flew by|it made my week|I left with a smile|
      it stayed with me for days|my whole family enjoyed it|we talked about it all evening|
      I smiled all the way home|the whole room was laughing|I forgot I was in a cinema|
      I had a great time|I fell in love with it|it won my heart|I was sorry when it ended`,
  ),
  negative: list(
    `I hated every minute|I yawned and sighed|I was bored from the first scene|
      I could hardly sit through it|time stood still|it spoiled my evening|
      I left with a headache|I forgot it within an hour|my whole family fell asleep|
      we walked out after an hour|I grumbled all the way home|the whole room was yawning|
      I kept looking at my watch|I had a terrible time|I lost interest in it|it wore me out|
      I was glad when it ended`,
  ),
};

/** What the viewer tells others to do. */
export const verdicts = {
  positive: list(
    `see it|go and see it|do not miss it|worth every minute|worth your time|
      I would watch it again|I recommend it|you will not regret it|money well spent|
      two hours well spent|give it a chance|highly recommended|buy a ticket|five stars|
      take your friends along`,
  ),
  negative: list(
    `skip it|stay at home|do not bother|not worth a minute|a waste of your time|
      I would not watch it again|I cannot recommend it|you will regret it|money thrown away|
      two hours wasted|give it a miss|not recommended|save your money|one star|warn your friends`,
  ),
};

/** Remarks without a judgement. */
export const remarks = list(
  `saw it last night|watched it with my sister|I went in knowing nothing|two hours long|
    rented it on a rainy Sunday|it is set in a small town|the director is new to me|
    a tale of two brothers|my brother picked it|I had read the book|there was a full house|
    we saw it on a plane|a cold winter and a long train ride|it is about a family on a farm|
    I watched it in one sitting|the trailer told me little|based on a true story|
    the first part takes place at sea|it runs on television every spring|seen at a festival`,
);

/** Who else holds an opinion. */
export const others = list(
  'the critics|my friends|most people|my parents|the papers|my neighbours',
);
