"""Writes the tokenizer fixtures: adversarial strings and the ids that the Rust tokenizers give them.

    python tests/wasm/tokenizer/make.py        (PyPI: tokenizers==0.21.4)

small.json     a byte-level BPE of 400 tokens, trained here on text of our own, with a special token and
               an added token that is not special; normal.json: the same with NFC and a prefix space
odd.json       small.json with NFC, its merges in an order that no training gives, and added tokens that overlap,
               one of them to be found after normalization
cases.json     texts, and for each tokenizer their ids; `special` has those (by the text's index) that
               become others when special tokens are matched in the text
"""
import json
import random
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = Path(__file__).parent
SHIPPED = HERE.parents[2] / "models" / "stories-2l" / "tokenizer.json"

SPACES = [chr(c) for c in (9, 10, 11, 12, 13, 0x1C, 0x1D, 0x1E, 0x1F, 0x20, 0x85, 0xA0, 0x1680, 0x180E, 0x2000, 0x2007, 0x200A,
                           0x200B, 0x200C, 0x200D, 0x2028, 0x2029, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF)]
WORDS = ["the", "cat", "sat", "Once", "upon", "a", "time", "it's", "I'LL", "we've", "don't", "'s", "'S", "’s", "'re", "'d", "'", "''",
         "x1", "12", "3.14", "²", "Ⅷ", "٣", "½", "naïve", "e\u0301", "é", "Ångström", "A\u030a", "日本語", "русский", "עברית", "हिन्दी",
         "👩\u200d👩\u200d👧", "🇬🇧", "\U0001F600", "\u202eabc", "ﬁ", "ß", "İ", "_", "__init__", "--", "...", "?!", "<|", "|>", "</s>",
         "<|endoftext|>", "<|endoftext|", "<|ENDOFTEXT|>", "<<gap>>", "<<gap>", "\u0000", "\u0001", "\u007f", "\ufffd", "\uffff", "\U0010ffff"]


def texts():
    seen = dict.fromkeys(WORDS + SPACES)
    for space in SPACES:
        for form in ("a{}b", "a{0}{0}b", " {}a", "{} a", "a{}", "{}{}", "a {}.", "{}'s", "a{}1", "1{}a", "\n{}\n"):
            seen[form.format(space, space)] = None
    seen.update(dict.fromkeys(["", " ", "  ", "   a", "a  ", "a   b", "  's", "a  's b", "\n\n\n", "\r\n\r\n", "\t\tx", " \n x", "a" * 300, "ab" * 200,
                               "^" * 257, " " * 64, "1" * 33, "é" * 40, "👍" * 9, "the<|endoftext|>cat", " <|endoftext|> ", "<|endoftext|>" * 3,
                               "<<gap>>a<<gap>> b", "it's<<gap>>'s", "<|endo<|endoftext|>ftext|>",
                               "a\u0085\u0085b", "a\ufeff\ufeffb", "\ufeff1"]))
    rng = random.Random(20240607)
    alphabet = WORDS + SPACES + [" "] * 20 + list("abcdefgh ,.'\n")
    for _ in range(1500):
        seen["".join(rng.choice(alphabet) for _ in range(rng.randint(1, 14)))] = None
    # any code point at all, but the lone surrogates, which UTF-8 has not, and what Unicode has not yet named
    for _ in range(500):
        points = [rng.choice([rng.randint(0, 0x7F), rng.randint(0x80, 0x7FF), rng.randint(0x800, 0xD7FF), rng.randint(0x1F300, 0x1F64F)])
                  for _ in range(rng.randint(1, 10))]
        text = "".join(map(chr, points))
        if all(known(c) for c in text):
            seen[text] = None
    return list(seen)


def known(character):
    """Assigned long ago: engines of different Unicode versions agree on what it is."""
    import unicodedata
    return unicodedata.ucd_3_2_0.category(character) not in ("Cn", "Cs", "Co") and (
        unicodedata.ucd_3_2_0.category(character) == unicodedata.category(character))


def small(normalizer, add_prefix_space):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    rng = random.Random(1)
    lines = [" ".join(rng.choice(WORDS[:36]) for _ in range(12)) for _ in range(400)]
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=400, special_tokens=["<|endoftext|>"], show_progress=False,
                                                             initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_tokens([AddedToken("<<gap>>", normalized=False)])
    return tokenizer


def odd():
    tokenizer = json.loads(small(normalizers.NFC(), False).to_str())
    random.Random(3).shuffle(tokenizer["model"]["merges"])
    tokenizer = Tokenizer.from_str(json.dumps(tokenizer))
    tokenizer.add_special_tokens([AddedToken("<|endo", special=True, normalized=False)])
    tokenizer.add_tokens([AddedToken("ftext|>cat", normalized=False), AddedToken("gap>>a", normalized=False), AddedToken("a\u030a", normalized=True),
                          AddedToken("it's", normalized=True)])
    return tokenizer


def ids(tokenizer, special):
    tokenizer.encode_special_tokens = not special
    return [tokenizer.encode(text, add_special_tokens=False).ids for text in texts()]


def cases(tokenizer):
    plain, special = ids(tokenizer, False), ids(tokenizer, True)
    return {"ids": plain, "special": {i: b for i, (a, b) in enumerate(zip(plain, special)) if a != b}}


def main():
    made = {"small": small(None, False), "normal": small(normalizers.NFC(), True), "odd": odd()}
    for name, tokenizer in made.items():
        (HERE / f"{name}.json").write_text(json.dumps(json.loads(tokenizer.to_str()), separators=(",", ":")) + "\n")
    made["stories-2l"] = Tokenizer.from_file(str(SHIPPED))
    lines = [f'"texts":{json.dumps(texts(), separators=(",", ":"))}']
    lines += [f'{json.dumps(name)}:{json.dumps(cases(tokenizer), separators=(",", ":"))}' for name, tokenizer in made.items()]
    (HERE / "cases.json").write_text("{" + ",\n".join(lines) + "}\n")


main()
