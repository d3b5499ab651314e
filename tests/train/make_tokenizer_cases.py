"""Writes tokenizer-cases.json: what Hugging Face `tokenizers` (the Rust library) makes of texts.

    python tests/train/make_tokenizer_cases.py

The page and models/encode.mjs use the JavaScript library; corpus.test.mjs holds it to these ids.
"""
import json
import os

from tokenizers import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
TEXTS = [
    "",
    " ",
    "Once upon a time there was a little girl who had a red hat.",
    '"Oh," said Peter, "I don\'t know; we\'ll see!" -- and he\'d gone.',
    "two\n\nparagraphs\n\n\nand a third\n",
    "  runs   of    spaces\tand\ttabs \r\n end ",
    "12345 apples, 3.14 and 1,000,000",
    "na\u00efve caf\u00e9, \u00dcber, e\u0301 apart",
    "\u4f60\u597d\uff0c\u4e16\u754c",
    "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 \u200b\u00a0x",
    "the end<|endoftext|>A new tale",
    "ALL CAPITALS and CamelCase and snake_case",
    "x" * 70,
]

if __name__ == "__main__":
    tokenizer = Tokenizer.from_file(os.path.join(HERE, "../../models/stories-2l/tokenizer.json"))
    cases = [{"text": text, "ids": tokenizer.encode(text).ids} for text in TEXTS]
    with open(os.path.join(HERE, "tokenizer-cases.json"), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
