/** What the page says, in each language. */
const english = {
  about: 'This page holds a model and runs it. Nothing that you type leaves this computer.',
  opening: 'Opening the model …',
  text: 'Text',
  second: 'Second text',
  pair: 'A pair of texts',
  answer: 'Answer',
  typeText: 'Type a text: the answer appears as you type.',
  typeMask: (mask: string) => `Type a text with ${mask} in place of one word.`,
  noLabel: 'no label',
  score: 'Score',
  token: 'Word',
  tag: 'Tag',
  probability: 'Probability',
  question: 'What is the right answer?',
  hint: 'The model learns from it at once, here in this page.',
  rightScore: 'Right score',
  teach: 'Learn this answer',
  learning: 'Learning …',
  confirmed: 'Noted: this answer is right.',
  learned: (right: number, all: number, steps: number, seconds: string) =>
    `Learned in ${steps} steps, ${seconds} s. It now answers ${right} of ${all} texts as you said.`,
  corrections: (count: number) => `Your answers (${count})`,
  remove: 'Remove',
  unsaved: 'What it has learned is lost when this page is closed, unless you save it.',
  save: 'Save as a new file',
  saving: 'Making the file …',
  saved: 'The new file holds the model as it is now, and the texts that you gave answers to.',
  failed: (message: string) => `That did not work: ${message}`,
  madeWith: 'Made with wigbert.',
};

export type Words = typeof english;

const korean: Words = {
  about:
    '이 페이지에는 모델이 들어 있고, 모델은 여기서 실행됩니다. 입력한 글은 이 컴퓨터를 떠나지 않습니다.',
  opening: '모델을 여는 중 …',
  text: '글',
  second: '두 번째 글',
  pair: '글 두 개를 한 쌍으로',
  answer: '답',
  typeText: '글을 입력하면 바로 답이 나타납니다.',
  typeMask: (mask) => `한 단어 자리에 ${mask}를 넣어 글을 입력하세요.`,
  noLabel: '라벨 없음',
  score: '점수',
  token: '단어',
  tag: '태그',
  probability: '확률',
  question: '맞는 답은 무엇인가요?',
  hint: '모델이 이 페이지 안에서 바로 배웁니다.',
  rightScore: '맞는 점수',
  teach: '이 답을 배우기',
  learning: '배우는 중 …',
  confirmed: '맞는 답으로 기억했습니다.',
  learned: (right, all, steps, seconds) =>
    `${steps}단계, ${seconds}초 동안 배웠습니다. 이제 글 ${all}개 중 ${right}개에 알려 준 대로 답합니다.`,
  corrections: (count) => `알려 준 답 (${count})`,
  remove: '지우기',
  unsaved: '저장하지 않고 페이지를 닫으면 배운 것이 사라집니다.',
  save: '새 파일로 저장',
  saving: '파일을 만드는 중 …',
  saved: '새 파일에는 지금의 모델과, 답을 알려 준 글들이 들어 있습니다.',
  failed: (message) => `실패했습니다: ${message}`,
  madeWith: 'wigbert로 만들었습니다.',
};

export type Language = 'en' | 'ko';

export const languages: Readonly<Record<Language, { name: string; words: Words }>> = {
  en: { name: 'English', words: english },
  ko: { name: '한국어', words: korean },
};
