"""Trains the built-in model from the corpus and writes src/models/builtin. One thread, about 18 minutes."""

import argparse
import json
import math
import os
import pathlib
import random
import time

os.environ.setdefault('OMP_NUM_THREADS', '1')

import torch
from torch.nn import functional as F

import bpe
import score
from cards import HERE, corpus_hash, load_cards
from draw import Drawer
from export import write_model
from model import Llama, Shape, load_safetensors, round_weights

OUTPUT = HERE.parent.parent / 'src' / 'models' / 'builtin'


def check_speed():
    """A torch with the reference BLAS is 30 times slower: better to say so than to train for hours."""
    a = torch.randn(768, 768)
    a @ a
    begin = time.perf_counter()
    for _ in range(8):
        a @ a
    speed = 8 * 2 * 768 ** 3 / (time.perf_counter() - begin) / 1e9
    print(f'{speed:.0f} GFLOPS', flush=True)
    if speed < 15:
        raise SystemExit('This torch multiplies matrices too slowly: install an optimised BLAS (libopenblas0-pthread).')


def encode_conversation(tokenizer, turns, cut=None):
    """Ids of a conversation, and which of them are targets: the answers with their end tokens."""
    ids, wanted = [bpe.BOS], [False]
    for index, (question, answer) in enumerate(turns):
        prompt = [bpe.USER, *tokenizer.encode(f' {question}'), bpe.END, bpe.ASSISTANT]
        reply = [*tokenizer.encode(answer), bpe.END]
        if cut is not None and index == len(turns) - 1:
            reply = reply[:cut]
        ids += prompt + reply
        wanted += [False] * len(prompt) + [True] * len(reply)
    return ids, wanted


def batches(drawer, tokenizer, chance, tokens, progress):
    """Batches of rows of like length. `progress` tells how much of the training is done, from 0 to 1."""
    while True:
        rows = []
        for _ in range(512):
            # Once the answers are known by heart, their beginnings decide which one it is: more questions a batch.
            cut = 8 + chance.randrange(6) if progress() > 0.18 and chance.random() < 0.8 else None
            ids, wanted = encode_conversation(tokenizer, drawer.conversation(), cut)
            if len(ids) <= 200:
                rows.append((ids, wanted))
        rows.sort(key=lambda row: len(row[0]))
        groups, group = [], []
        for row in rows:
            if group and len(row[0]) * (len(group) + 1) > tokens:
                groups.append(group)
                group = []
            group.append(row)
        groups.append(group)
        chance.shuffle(groups)
        yield from groups


def to_tensors(group):
    width = max(len(ids) for ids, _ in group)
    ids = torch.tensor([row + [bpe.PAD] * (width - len(row)) for row, _ in group])
    wanted = torch.tensor([flags + [False] * (width - len(flags)) for _, flags in group])
    return ids, wanted


def train(model, source, steps, rate, progress):
    decayed = [w for w in model.parameters() if w.dim() == 2]
    plain = [w for w in model.parameters() if w.dim() != 2]
    optimizer = torch.optim.AdamW(
        [{'params': decayed, 'weight_decay': 0.1}, {'params': plain, 'weight_decay': 0.0}], lr=rate, betas=(0.9, 0.98))
    seen, mean, begin = 0, None, time.process_time()
    for step in range(steps):
        progress['done'] = step / steps
        warm = min(1.0, (step + 1) / (0.03 * steps))
        for group in optimizer.param_groups:
            group['lr'] = rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))
        ids, wanted = to_tensors(next(source))
        with torch.autocast('cpu', dtype=torch.bfloat16):
            hidden = model.hidden(ids[:, :-1])
            logits = model.logits(hidden[wanted[:, 1:]])
        loss = F.cross_entropy(logits.float(), ids[:, 1:][wanted[:, 1:]])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        seen += ids.numel()
        mean = loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
        if (step + 1) % 100 == 0:
            spent = time.process_time() - begin
            print(f'step {step + 1} loss {mean:.4f} {seen / spent:.0f} tokens/s {spent:.0f} s', flush=True)
    return time.process_time() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--steps', type=int, default=6000)
    parser.add_argument('--seed', type=int, default=2)
    parser.add_argument('--rate', type=float, default=2e-3)
    parser.add_argument('--tokens', type=int, default=1536, help='tokens of one batch')
    parser.add_argument('--out', type=pathlib.Path, default=OUTPUT)
    options = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    check_speed()
    facts_path = HERE / 'facts.json'
    digest = corpus_hash(facts_path)
    cards = load_cards(json.loads(facts_path.read_text()))

    sample = Drawer(cards, random.Random(options.seed + 1))
    texts = [text for _ in range(30_000) for q, a in sample.conversation() for text in (f' {q}', a)]
    tokenizer = bpe.train_tokenizer(texts, Shape.vocab)

    model = Llama(Shape())
    print(f'{len(cards)} cards, {model.parameter_count()} parameters', flush=True)
    progress, chance = {'done': 0.0}, random.Random(options.seed + 2)
    drawer = Drawer(cards, random.Random(options.seed))
    source = batches(drawer, tokenizer, chance, options.tokens, lambda: progress['done'])
    seconds = train(model, source, options.steps, options.rate, progress)

    round_weights(model)
    write_model(options.out, model, tokenizer, digest)
    load_safetensors(model, options.out / 'model.safetensors')
    record = {
        'seed': options.seed,
        'steps': options.steps,
        'parameters': model.parameter_count(),
        'cpuSeconds': round(seconds),
        'corpusSha256': digest,
        'scores': score.all_scores(model, bpe.Tokenizer.load(options.out / 'tokenizer.json'), cards),
    }
    (options.out / 'training.json').write_text(json.dumps(record, indent=2) + '\n')
    print(json.dumps(record, indent=2))


if __name__ == '__main__':
    main()
