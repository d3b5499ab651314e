"""Train the tokenizer of our own models, once: byte-level BPE, 2,048 tokens, on the story corpus.

    xz -dk stories.txt.xz
    python models/tokenizer/train.py stories.txt models/stories-2l/tokenizer.json

Needs Hugging Face `tokenizers`. The result is committed, so nobody needs to run this to build,
test or use a model; running it again on the same text writes the same file.

Id 0 is <|endoftext|>, ids 1 to 256 are the bytes, the rest are merges in the order they were found.
Documents are cut at their marker lines and stripped, as models/corpus.mjs cuts them: merges of the
marker's letters, or of the blank lines that end a document, would be wasted.
"""
import hashlib
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

STORIES_SHA256 = "613769bb8473858b8a5782775846d78762b492f6fa039331d9ac1b1cffb0922a"
MARKER = "<|endoftext|>"
VOCABULARY = 2048


def main(stories_path: str, out_path: str) -> None:
    with open(stories_path, "rb") as file:
        data = file.read()
    found = hashlib.sha256(data).hexdigest()
    if found != STORIES_SHA256:
        sys.exit(f"{stories_path}: sha256 {found}, expected {STORIES_SHA256}: another corpus, or a damaged one")
    documents = [d.strip() for d in data.decode("utf-8").split(MARKER + "\n") if d.strip()]

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        documents,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=[MARKER],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    if tokenizer.get_vocab_size() != VOCABULARY or tokenizer.token_to_id(MARKER) != 0:
        sys.exit(f"the trained vocabulary has {tokenizer.get_vocab_size()} tokens, expected {VOCABULARY}")
    tokenizer.save(out_path)
    print(f"{out_path}: {VOCABULARY} tokens from {len(documents)} documents")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: train.py STORIES.txt OUT/tokenizer.json")
    main(sys.argv[1], sys.argv[2])
