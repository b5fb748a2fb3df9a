"""Texts for the tokenizer, on the project's own vocabularies."""
import csv
from pathlib import Path

from bert_tokenizer import BertTokenizer, answer
from files import save_lines

ROOT = Path(__file__).resolve().parents[3]
VOCABULARIES = {
    "models/bert-tiny-ko": {"do_lower_case": False},
    "data": {"do_lower_case": True},
}
PLAIN = {"add_special_tokens": True, "padding": False, "truncation": False, "max_length": None}
TEXTS = [
    "", "   \t\n ", "Hello, world!", "정말 재미있는 영화였어요ㅋㅋㅋ", "별로... 돈 아깝다!!",
    "I loved every minute of it", "don't, I'm, we've, they're: it's 10.5% & $3", "a.b,c;d-e_f/g",
    "café naïve Ångström", "cafe\u0301 A\u030angstro\u0308m", "ΣΊΣΥΦΟΣ Straße İstanbul",
    "안녕\u200b하세요\u00ad \ufeff끝", "한국어\u3000全角 空白", "中文字符和한글 mixed日本語",
    "\U00020000\U0002a6df \U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u1112\u1161\u11ab\u1100\u116e\u11a8", "ㅠㅠㅠㅠ ㄱㄴㄷ", "１２３ ＡＢＣ ½ x²",
    "「인용」 『책』 “quote” ‘single’ — … ·", "[CLS] 문장 [SEP] [MASK] [UNK] [PAD]",
    "[cls] [Mask] [MASK]s x[SEP]y", "x" * 100, "x" * 101, "가" * 101, "\U0001d400" * 101,
    "tab\tline\nreturn\r\x00null\x07bell \ufffd", "rtl\u202eover\u202c שלום مرحبا नमस्ते",
    "http://example.org/a?b=c#d e@f.g", "!!!???", "영화 ' 제목 ' n't . ,",
]
PAIRS = [
    ("재미있나요?", "네, 아주 재미있어요."), ("one two", ""), ("", "only the second"),
    ("짧다", "이 문장은 훨씬 더 길어서 먼저 잘려야 하는 문장입니다"), ("[MASK] a", "b [SEP]"),
]
CALLS = [
    {**PLAIN, "add_special_tokens": False},
    *({**PLAIN, "padding": "max_length", "truncation": "longest_first", "max_length": length}
      for length in (3, 8, 16)),
]


def reviews():
    """Every 40th review of the project's data."""
    rows = []
    for name in ("reviews.tsv", "reviews-ko.tsv"):
        with open(ROOT / "data" / name, encoding="utf8") as file:
            rows += [row[0] for row in list(csv.reader(file, delimiter="\t"))[1::40]]
    return rows[:60]


def write(folder):
    cases = []

    def add(vocab, options, text, pair, call):
        full = {"strip_accents": None, "tokenize_chinese_chars": True, **options}
        tokens = (ROOT / vocab / "vocab.txt").read_text("utf8").splitlines()
        case = {"id": f"t{len(cases):03}", "vocab": vocab, "options": full, "text": text,
                "pair": pair, "call": call}
        cases.append({**case, **answer(BertTokenizer(tokens, **full), text, pair, call)})

    for vocab, options in VOCABULARIES.items():
        for text in TEXTS:
            add(vocab, options, text, None, PLAIN)
        for text, pair in PAIRS:
            for call in (PLAIN, *CALLS[1 + (text == "") + (pair == ""):]):
                add(vocab, options, text, pair, call)
        for text in TEXTS[2:12]:
            for call in CALLS:
                add(vocab, options, text, None, call)
    for options in [{"do_lower_case": True}, {"do_lower_case": False, "strip_accents": True},
                    {"do_lower_case": True, "strip_accents": False},
                    {"do_lower_case": False, "tokenize_chinese_chars": False}]:
        for text in TEXTS[7:17]:
            add("models/bert-tiny-ko", options, text, None, PLAIN)
    for text in reviews():
        add("models/bert-tiny-ko", VOCABULARIES["models/bert-tiny-ko"], text, None, PLAIN)
    save_lines(f"{folder}/cases.jsonl", cases)
    save_lines(f"{folder}/batch.jsonl", [batch(i, vocab, texts, pairs)
               for i, (vocab, texts, pairs) in enumerate([
                   ("models/bert-tiny-ko", TEXTS[2:8], None), ("data", TEXTS[2:8], None),
                   ("models/bert-tiny-ko", *map(list, zip(*PAIRS))),
               ])])


def batch(i, vocab, texts, pairs):
    """Texts or pairs, padded to 20 together."""
    options = {"strip_accents": None, "tokenize_chinese_chars": True, **VOCABULARIES[vocab]}
    tokens = (ROOT / vocab / "vocab.txt").read_text("utf8").splitlines()
    tokenizer = BertTokenizer(tokens, **options)
    call = {"padding": "max_length", "truncation": "longest_first", "max_length": 20}
    rows = [tokenizer.encode(text, pair, **call)
            for text, pair in zip(texts, pairs or [None] * len(texts))]
    return {
        "id": f"b{i}", "vocab": vocab, "options": options, "texts": texts, "pairs": pairs,
        "call": call,
        **{name: [row[name] for row in rows]
           for name in ("input_ids", "attention_mask", "token_type_ids")},
        "decoded": [tokenizer.decode(row["input_ids"], skip_special_tokens=True) for row in rows],
    }
