"""BertTokenizer in plain Python, by the definition of Hugging Face's (4.29): the basic tokenizer,
then WordPiece. `python3 bert_tokenizer.py FOLDER` compares it with answers of Hugging Face."""
import json
import re
import sys
import unicodedata
from pathlib import Path

SPECIAL = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"]
CLEAN = [(" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
         (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re")]
CHINESE = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
           (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]


def is_white(char):
    return char in " \t\n\r" or unicodedata.category(char) == "Zs"


def is_control(char):
    return char not in "\t\n\r" and unicodedata.category(char).startswith("C")


def is_punctuation(char):
    code = ord(char)
    ascii_mark = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return ascii_mark or unicodedata.category(char).startswith("P")


def split_punctuation(word):
    parts, fresh = [], True
    for char in word:
        if is_punctuation(char):
            parts.append(char)
            fresh = True
        elif fresh:
            parts.append(char)
            fresh = False
        else:
            parts[-1] += char
    return parts


class BertTokenizer:
    def __init__(self, vocab, do_lower_case=True, strip_accents=None, tokenize_chinese_chars=True):
        self.ids = {token: i for i, token in enumerate(vocab)}
        self.vocab = vocab
        self.lower, self.chinese = do_lower_case, tokenize_chinese_chars
        self.strip = do_lower_case if strip_accents is None else strip_accents

    def basic(self, text):
        text = "".join(
            " " if is_white(char) else char for char in text
            if ord(char) not in (0, 0xFFFD) and not is_control(char)
        )
        if self.chinese:
            text = "".join(
                f" {char} " if any(a <= ord(char) <= b for a, b in CHINESE) else char
                for char in text
            )
        words = []
        for word in text.split():
            if word in SPECIAL:
                words.append(word)
                continue
            if self.lower:
                word = word.lower()
            if self.strip:
                word = unicodedata.normalize("NFD", word)
                word = "".join(char for char in word if unicodedata.category(char) != "Mn")
            words += split_punctuation(word)
        return " ".join(words).split()

    def wordpiece(self, word):
        if len(word) > 100:
            return ["[UNK]"]
        pieces, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = ("##" if start else "") + word[start:end]
                if piece in self.ids:
                    break
            else:
                return ["[UNK]"]
            pieces.append(piece)
            start = end
        return pieces

    def tokenize(self, text):
        """Special tokens are found anywhere, in exact case; the rest is lowered by character."""
        tokens = []
        for part in re.split("(" + "|".join(map(re.escape, SPECIAL)) + ")", text):
            if part in SPECIAL:
                tokens.append(part)
                continue
            if self.lower:
                part = "".join(char.lower() for char in part)
            for word in self.basic(part):
                tokens += [word] if word in SPECIAL else self.wordpiece(word)
        return tokens

    def convert(self, tokens):
        return [self.ids.get(token, self.ids["[UNK]"]) for token in tokens]

    def encode(self, text, pair=None, add_special_tokens=True, padding=False, truncation=False,
               max_length=None, **_):
        a = self.convert(self.tokenize(text))
        b = None if pair is None else self.convert(self.tokenize(pair))
        added = (2 if b is None else 3) if add_special_tokens else 0
        if truncation and max_length is not None:
            for _ in range(max(0, len(a) + len(b or []) + added - max_length)):
                longer = a if b is None or len(a) > len(b) else b
                {"only_first": a, "only_second": b}.get(truncation, longer).pop()
        cls, sep, pad = (self.ids[token] for token in ("[CLS]", "[SEP]", "[PAD]"))
        ids, types = a + (b or []), [0] * len(a) + [1] * len(b or [])
        mask = [0] * len(ids)
        if add_special_tokens:
            ids = [cls, *a, sep] + ([] if b is None else [*b, sep])
            types = [0] * (len(a) + 2) + [1] * (0 if b is None else len(b) + 1)
            mask = [1] + [0] * len(a) + [1] + ([] if b is None else [0] * len(b) + [1])
        missing = max(0, max_length - len(ids)) if padding == "max_length" else 0
        return {
            "input_ids": ids + [pad] * missing, "attention_mask": [1] * len(ids) + [0] * missing,
            "token_type_ids": types + [0] * missing, "special_tokens_mask": mask + [1] * missing,
        }

    def decode(self, ids, skip_special_tokens=False, clean_up=True):
        tokens = [self.vocab[i] for i in ids]
        if skip_special_tokens:
            tokens = [token for token in tokens if token not in SPECIAL]
        text = " ".join(tokens).replace(" ##", "").strip()
        if clean_up:
            for before, after in CLEAN:
                text = text.replace(before, after)
        return text


def answer(tokenizer, text, pair, call):
    encoding = tokenizer.encode(text, pair, **call)
    ids = encoding["input_ids"]
    return {
        "text_tokens": tokenizer.tokenize(text),
        "pair_tokens": None if pair is None else tokenizer.tokenize(pair),
        "tokens": [tokenizer.vocab[i] for i in ids], **encoding,
        "decoded": tokenizer.decode(ids),
        "decoded_skip_special": tokenizer.decode(ids, skip_special_tokens=True),
        "decoded_no_cleanup": tokenizer.decode(ids, clean_up=False),
    }


def compare(folder):
    """Prints the answers of Hugging Face in `folder` that this tokenizer does not repeat."""
    cases = [json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines()]
    wrong = 0
    for case in cases:
        vocab = (folder / "vocab" / f"{case['vocab']}.txt").read_text("utf8").split("\n")[:-1]
        got = answer(BertTokenizer(vocab, **case["options"]), case["text"], case["pair"],
                     case["call"])
        fields = [name for name, value in got.items() if value != case[name]]
        wrong += bool(fields)
        if fields:
            print(case["id"], json.dumps(case["text"]), fields)
    print(f"{len(cases) - wrong} of {len(cases)} the same")


if __name__ == "__main__":
    compare(Path(sys.argv[1]))
