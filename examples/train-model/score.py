"""Scores a model directory: questions in trained wordings, hand-written questions, unknown topics, follow-ups."""

import argparse
import json
import pathlib
import random
import re

import torch

import bpe
from cards import HERE, load_cards
from draw import Drawer, bare
from model import Llama, Shape, load_safetensors

REFUSAL = "i don't know"


def prompt_ids(tokenizer, question, before=()):
    ids = [bpe.BOS]
    for earlier, answer in before:
        ids += [bpe.USER, *tokenizer.encode(f' {earlier.strip().lower()}'), bpe.END]
        ids += [bpe.ASSISTANT, *tokenizer.encode(answer), bpe.END]
    return [*ids, bpe.USER, *tokenizer.encode(f' {question.strip().lower()}'), bpe.END, bpe.ASSISTANT]


def answers(model, tokenizer, prompts, batch=64):
    """Greedy answers in the order of the prompts; prompts of one length are computed together."""
    by_length, out = {}, [None] * len(prompts)
    for index, ids in enumerate(prompts):
        by_length.setdefault(len(ids), []).append(index)
    for places in by_length.values():
        for begin in range(0, len(places), batch):
            part = places[begin:begin + batch]
            for index, ids in zip(part, model.answer([prompts[i] for i in part], bpe.END)):
                out[index] = None if ids is None else tokenizer.decode(ids)
    return out


def read_questions(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()] if path.exists() else []


def contains(answer, wanted):
    """True if the answer holds every wanted text; a list is a choice of texts."""
    if answer is None:
        return False
    text = answer.lower()
    return all(any(a.lower() in text for a in (want if isinstance(want, list) else [want])) for want in wanted)


def refused(answer):
    return answer is not None and REFUSAL in answer.lower()


def score_questions(model, tokenizer, rows, show=None):
    given = answers(model, tokenizer, [prompt_ids(tokenizer, row['question']) for row in rows])
    right = [contains(answer, row['mustContain']) if 'mustContain' in row else refused(answer)
             for row, answer in zip(rows, given)]
    for row, answer, ok in zip(rows, given, right):
        if show is not None and not ok:
            show(f"  {row['question']}\n    -> {answer}")
    return {'questions': len(rows), 'right': round(sum(right) / len(rows), 3),
            'unfinished': sum(answer is None for answer in given)}


def plainest(cards):
    """Each card by its plainest question: a fact that was not learnt must not hide in an average."""
    rows = []
    for card in cards:
        if card.names and card.kind not in ('howto', 'talk'):
            question = f'what is {card.names[0] if card.kind in ("term", "policy", "machine") else card.names[-1]}?'
            if card.kind in ('error', 'config', 'state', 'command', 'option'):
                question = f'what does {"exovisor " if card.kind == "command" else ""}{card.id} do?'
        elif card.tasks:
            question = f'how do i {card.tasks[0]}?'
        else:
            question = card.questions[0]
        rows.append({'question': question, 'mustContain': [card.answer]})
    return rows


def drawn(cards, seed, count):
    drawer = Drawer(cards, random.Random(seed), unknown_share=0)
    return [{'question': question, 'mustContain': [answer]} for question, answer, _ in
            (drawer.known_turn() for _ in range(count))]


def plain_words(text):
    return ' '.join(re.findall(r"[a-z0-9_.'-]+", text.lower())).rstrip('.')


def wordings_of(cards, draws=100_000):
    """What training may have asked word for word: to tell how many test questions are none."""
    drawer = Drawer(cards, random.Random(1))
    written = [question for card in cards for question in card.questions if bare(question) not in drawer.kept_out]
    asked = [question for _ in range(draws) for question, _ in drawer.conversation()]
    return {plain_words(question) for question in written + asked}


def all_scores(model, tokenizer, cards, show=None):
    sets = {
        'everyCard': plainest(cards),
        'trainedWordings': drawn(cards, 987_654, 300),
        'dev': read_questions(HERE / 'dev' / 'questions.jsonl'),
        'devUnknown': read_questions(HERE / 'dev' / 'unknown.jsonl'),
        'heldout': read_questions(HERE / 'heldout' / 'questions.jsonl'),
        'heldoutUnknown': read_questions(HERE / 'heldout' / 'unknown.jsonl'),
    }
    model.eval()
    scores, seen = {}, wordings_of(cards)
    for name, rows in sets.items():
        # The held-out questions stay unseen: only their score is shown.
        shown = None if show is None or name.startswith('heldout') else show
        if shown is not None:
            shown(f'{name}:')
        if rows:
            scores[name] = score_questions(model, tokenizer, rows, shown)
            if name not in ('everyCard', 'trainedWordings'):
                scores[name]['wordForWordInTraining'] = sum(plain_words(row['question']) in seen for row in rows)
    return scores


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--model', type=pathlib.Path, default=HERE.parent.parent / 'src' / 'models' / 'builtin')
    parser.add_argument('--ask', help='answer one question instead')
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, tokenizer = Llama(Shape()), bpe.Tokenizer.load(options.model / 'tokenizer.json')
    load_safetensors(model, options.model / 'model.safetensors')
    if options.ask is not None:
        print(answers(model, tokenizer, [prompt_ids(tokenizer, options.ask)])[0])
        return
    cards = load_cards(json.loads((HERE / 'facts.json').read_text()))
    print(json.dumps(all_scores(model, tokenizer, cards, print), indent=2))


if __name__ == '__main__':
    main()
