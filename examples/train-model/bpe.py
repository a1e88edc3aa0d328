"""A byte-level BPE tokenizer: trained on the corpus, written as a Hugging Face tokenizer.json."""

import collections
import json
import re

SPECIALS = ['<|pad|>', '<|bos|>', '<|user|>', '<|assistant|>', '<|end|>']
PAD, BOS, USER, ASSISTANT, END = range(len(SPECIALS))

# ASCII classes only, so that every regex engine cuts the text at the same places.
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+"


def byte_alphabet():
    """The printable stand-in of each byte, as in GPT-2."""
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table, spare = {}, 256
    for byte in range(256):
        if byte in printable:
            table[byte] = chr(byte)
        else:
            table[byte] = chr(spare)
            spare += 1
    return table


BYTES = byte_alphabet()
UNBYTES = {stand_in: byte for byte, stand_in in BYTES.items()}


class Tokenizer:
    def __init__(self, merges):
        self.merges = [tuple(pair) for pair in merges]
        self.ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        tokens = SPECIALS + [BYTES[byte] for byte in range(256)] + [a + b for a, b in self.merges]
        self.ids = {token: index for index, token in enumerate(tokens)}
        self.tokens = tokens
        self.pattern = re.compile(PATTERN, re.ASCII)
        self.cache = {}

    def encode(self, text):
        """The ids of plain text; a special token written in the text stays text."""
        out = []
        for piece in self.pattern.findall(text):
            ids = self.cache.get(piece)
            if ids is None:
                ids = self.cache[piece] = self._merge(piece)
            out.extend(ids)
        return out

    def _merge(self, piece):
        parts = [BYTES[byte] for byte in piece.encode()]
        while len(parts) > 1:
            rank, place = min((self.ranks.get(pair, 1 << 30), i) for i, pair in enumerate(zip(parts, parts[1:])))
            if rank == 1 << 30:
                break
            parts[place:place + 2] = [parts[place] + parts[place + 1]]
        return [self.ids[part] for part in parts]

    def decode(self, ids):
        stand_ins = ''.join(self.tokens[i] for i in ids if i >= len(SPECIALS))
        return bytes(UNBYTES[c] for c in stand_ins).decode('utf-8', 'replace')

    def save(self, path):
        added = [
            {'id': i, 'content': token, 'single_word': False, 'lstrip': False, 'rstrip': False,
             'normalized': False, 'special': True}
            for i, token in enumerate(SPECIALS)
        ]
        split = {'type': 'Split', 'pattern': {'Regex': PATTERN}, 'behavior': 'Isolated', 'invert': False}
        byte_level = {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': True, 'use_regex': False}
        document = {
            'version': '1.0',
            'truncation': None,
            'padding': None,
            'added_tokens': added,
            'normalizer': None,
            'pre_tokenizer': {'type': 'Sequence', 'pretokenizers': [split, byte_level]},
            'post_processor': None,
            'decoder': byte_level,
            'model': {
                'type': 'BPE', 'dropout': None, 'unk_token': None, 'continuing_subword_prefix': None,
                'end_of_word_suffix': None, 'fuse_unk': False, 'byte_fallback': False,
                'vocab': self.ids,
                'merges': [f'{a} {b}' for a, b in self.merges],
            },
        }
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(document, file, ensure_ascii=False, separators=(',', ':'))
            file.write('\n')

    @staticmethod
    def load(path):
        with open(path, encoding='utf-8') as file:
            return Tokenizer([merge.split(' ') for merge in json.load(file)['model']['merges']])


def train_tokenizer(texts, vocab_size):
    """Learns merges from the texts, most frequent pair first; ties go to the lesser pair, so it repeats exactly."""
    counts = collections.Counter()
    pattern = re.compile(PATTERN, re.ASCII)
    for text in texts:
        counts.update(pattern.findall(text))
    words = [[[BYTES[b] for b in piece.encode()], count] for piece, count in sorted(counts.items())]
    pairs, where = collections.Counter(), collections.defaultdict(set)
    for index, (parts, count) in enumerate(words):
        for pair in zip(parts, parts[1:]):
            pairs[pair] += count
            where[pair].add(index)
    merges = []
    while len(merges) < vocab_size - len(SPECIALS) - 256:
        best = max(pairs.items(), key=lambda item: (item[1], item[0]))[0]
        merges.append(best)
        for index in sorted(where[best]):
            parts, count = words[index]
            for pair in zip(parts, parts[1:]):
                pairs[pair] -= count
            i = 0
            while i < len(parts) - 1:
                if (parts[i], parts[i + 1]) == best:
                    parts[i:i + 2] = [parts[i] + parts[i + 1]]
                i += 1
            for pair in zip(parts, parts[1:]):
                pairs[pair] += count
                where[pair].add(index)
        del pairs[best]
    return Tokenizer(merges)
