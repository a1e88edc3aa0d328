"""Draws conversations from the cards: wordings, synonyms, noise, unknown topics, follow-ups."""

import json
import re

from cards import HERE, read

IDENTIFIER = re.compile(r'[_.`<-]|exovisor|\d')
LETTERS = 'abcdefghijklmnopqrstuvwxyz'
SYLLABLES = ('ba be bi bo bu da de di do du fa fe fi fo ga ge gi go ka ke ki ko la le li lo lu ma me mi mo mu na ne ni '
             'no pa pe pi po ra re ri ro ru sa se si so ta te ti to tu va ve vi vo wa we zi zo cha sho tra bri klo').split()
ENDS = ['', 'n', 'r', 's', 'l', 'm', 'x', 't', 'd', 'k']


DOUBLED = set('run stop get set put let cap split shut quit pin drop plan begin spin swap plug cut dig chop knit stir rub'.split())
NOT_VERBS = set('not be always never really'.split())


def third_person(task):
    """`start a node` as in "which command starts a node"."""
    verb, _, rest = task.partition(' ')
    if verb in NOT_VERBS:
        return None
    irregular = {'have': 'has', 'do': 'does', 'go': 'goes'}
    if verb.endswith(('ch', 'sh', 's', 'x', 'z')):
        verb += 'es'
    elif verb.endswith('y') and verb[-2:-1] not in 'aeou':
        verb = verb[:-1] + 'ies'
    else:
        verb = irregular.get(verb, f'{verb}s')
    return f'{verb} {rest}'.strip()


def gerund(task):
    """`start a node` as in "starting a node"."""
    verb, _, rest = task.partition(' ')
    if verb in NOT_VERBS:
        return None
    if verb in DOUBLED:
        verb += verb[-1]
    elif verb.endswith('e') and not verb.endswith(('ee', 'ie')):
        verb = verb[:-1]
    return f'{verb}ing {rest}'.strip()


def bare(question):
    """A question without what makes no difference: case, punctuation and doubled spaces."""
    return ' '.join(re.sub(r'[^\w`.<>-]+', ' ', question.lower()).replace('`', '').strip(' .').split())


class Drawer:
    """An endless source of turns. All chance comes from `random`, so a seed fixes the corpus."""

    def __init__(self, cards, random, unknown_share=0.2):
        self.cards, self.random, self.unknown_share = cards, random, unknown_share
        self.forms, self.unknown = read('forms'), read('unknown')
        # Read for one thing only: so that chance does not draw what must stay unseen.
        self.kept_out = {bare(json.loads(line)['question'])
                         for path in sorted((HERE / 'heldout').glob('*.jsonl'))
                         for line in path.read_text().splitlines() if line.strip()}
        names = read('names')
        self.made_up = {key: text.split() for key, text in names.items()}
        self.real = {card.id.lower() for card in cards} | {word for card in cards for word in card.id.lower().split()}
        self.fillers, self.stopwords = self.forms['fillers'].split(), set(self.forms['stopwords'].split())
        self.synonyms = {}
        for group in read('synonyms'):
            for phrase in group:
                self.synonyms.setdefault(phrase, []).extend(other for other in group if other != phrase)
        longest_first = sorted(self.synonyms, key=lambda phrase: (-len(phrase), phrase))
        self.synonym_pattern = re.compile(r'(?<![\w.-])(' + '|'.join(map(re.escape, longest_first)) + r')(?![\w.-])')
        self.states = [card.id for card in cards if card.kind == 'state']
        self.weights = [card.weight for card in cards]

    def pick(self, items):
        return items[int(self.random.random() * len(items))]

    def chance(self, share):
        return self.random.random() < share

    # Wordings of a card

    def wording(self, card):
        """A question for a card, in a sentence form of its kind."""
        choices = []
        if card.names:
            choices.append(('names', 1.0 if card.kind in ('term', 'howto') else 2.5))
        choices += [(key, 1.5) for key in ('tasks', 'situations', 'questions') if getattr(card, key)]
        kind = self.random.choices([c for c, _ in choices], [w for _, w in choices])[0]
        phrase = self.pick(getattr(card, kind))
        if kind == 'names':
            own = self.forms['names'].get(card.kind, [])
            form = self.pick(own) if own and self.chance(0.6) else self.pick(self.forms['names']['any'])
            form = self.vary(form, 0.3).replace('{o}', self.pick(self.states).lower())
            return form.replace('{x}', self.fitting(form, phrase, card.kind))
        phrase = self.vary(phrase, 0.28)
        if self.chance(0.06):
            return self.keywords(phrase)
        if kind == 'tasks':
            return self.task_question(phrase)
        if kind == 'situations':
            return self.vary(self.pick(self.forms['situations']), 0.3).replace('{s}', phrase)
        return phrase

    def task_question(self, task):
        """How people ask for a task: "how do i start", "which command starts", "is starting ... possible"."""
        roll = self.random.random()
        if roll < 0.16 and (clause := third_person(task)):
            return self.pick(self.forms['thirdPerson']).replace('{t}', clause)
        if roll < 0.28 and (clause := gerund(task)):
            return self.pick(self.forms['gerund']).replace('{t}', clause)
        return self.vary(self.pick(self.forms['tasks']), 0.3).replace('{t}', task)

    def fitting(self, form, name, kind):
        """The bare name where the form says already what kind of name it is."""
        if kind in ('state', 'policy', 'machine') and kind in form:
            return re.sub(rf'^(a |the )|({kind} called|{kind}) ?|\b(state machine|statechart of)\b', '', name).strip()
        return name

    def vary(self, text, share):
        """Puts synonyms in place of some words."""
        return self.synonym_pattern.sub(
            lambda match: self.pick(self.synonyms[match.group(0)]) if self.chance(share) else match.group(0), text)

    def keywords(self, phrase):
        words = [word for word in phrase.split() if word not in self.stopwords] or [phrase]
        if self.chance(0.5):
            self.random.shuffle(words)
        return ' '.join(words)

    # Noise: the same on known and unknown subjects, or noise itself would mean "unknown"

    def noise(self, text, protected):
        if self.chance(0.4):
            return self.punctuated(text)
        if self.chance(0.22):
            text = f"{self.pick(self.forms['openings'])} {text}"
        words = text.split()
        if self.chance(0.18):
            words = [w for w in words if w not in self.stopwords or self.chance(0.4)] or words
        if self.chance(0.2):
            words.insert(self.random.randrange(len(words) + 1), self.pick(self.fillers))
        if self.chance(0.08):
            words.insert(self.random.randrange(len(words) + 1), self.invented())
        if self.chance(0.14):
            for _ in range(1 + self.chance(0.3)):
                index = self.random.randrange(len(words))
                if not IDENTIFIER.search(words[index]) and words[index] not in protected:
                    words[index] = self.typo(words[index])
        text = ' '.join(words)
        if self.chance(0.18):
            text += f" {self.pick(self.forms['endings'])}"
        if self.chance(0.1):
            text = text.replace("'", '').replace(',', '')
        return self.punctuated(text)

    def punctuated(self, text):
        return text + self.pick(['?', '?', '?', '', '', '.', '!', ' ?']) if text[-1:].isalnum() else text

    def typo(self, word):
        if len(word) < 4:
            return word
        i, kind = self.random.randrange(len(word) - 1), self.random.randrange(4)
        if kind == 0:
            return word[:i] + word[i + 1] + word[i] + word[i + 2:]
        if kind == 1:
            return word[:i] + word[i + 1:]
        if kind == 2:
            return word[:i] + word[i] + word[i:]
        return word[:i] + self.pick(LETTERS) + word[i + 1:]

    def invented(self):
        return ''.join(self.pick(SYLLABLES) for _ in range(2 + self.chance(0.5))) + self.pick(ENDS)

    # Questions that have no answer

    def unknown_turn(self):
        kind = self.pick(['topic'] * 11 + ['error', 'error', 'config', 'config', 'command', 'option', 'state',
                                          'policy', 'machine'])
        answer = self.unknown['answers'][kind]
        if kind != 'topic':
            name = self.made_up_name(kind)
            own = self.forms['names'][kind]
            form = self.pick(own) if self.chance(0.55) else self.pick(self.forms['names']['any'])
            form = form.replace('{o}', self.pick(self.states).lower())
            return self.noise(self.vary(form, 0.3).replace('{x}', self.fitting(form, name, kind)), {name}), answer
        if self.chance(0.12):
            return self.noise(self.vary(self.pick(self.unknown['questions']), 0.2), ()), answer
        question = self.topic_question()
        if self.chance(0.07):
            question += self.pick(['? ', ', ', ' and ', '. ']) + self.topic_question()
        return self.noise(question, ()), answer

    def topic_question(self):
        noun = lambda: f"{self.pick(['', 'the ', 'a ', 'my '])}{self.invented()}" if self.chance(0.3) else self.pick(self.unknown['nouns'])
        verb = self.invented() if self.chance(0.06) else self.pick(self.unknown['verbs'])
        bare = re.sub(r'^(a|an|the|my) ', '', noun())
        form = self.pick(self.unknown['forms'])
        if self.chance(0.3):
            form = self.task_question(f'{verb} {{u}}')
        elif self.chance(0.2):
            form = self.pick(self.forms['names']['any']).replace('{x}', '{u}')
        form = self.vary(form, 0.2)
        return form.replace('{u}', noun()).replace('{w}', noun()).replace('{v}', verb).replace('{n}', bare)

    def word(self, key):
        return self.invented() if self.chance(0.2) else self.pick(self.made_up[key])

    def made_up_name(self, kind):
        """A name of our own kind that does not exist."""
        while True:
            name = self.made_up_once(kind)
            bare = re.sub(r'^(exovisor |the )|( policy| machine| state)$', '', name)
            if bare not in self.real:
                return name

    def made_up_once(self, kind):
        if kind == 'error':
            words = [self.word('codes') for _ in range(1 + self.random.randrange(3))]
            if self.chance(0.35):
                # Half of a real name beside a foreign word: the whole name counts, not a part of it.
                real = self.pick([card.id for card in self.cards if card.kind == 'error']).lower().split('_')[1:]
                words[self.random.randrange(len(words))] = self.pick(real)
            return 'exo_' + '_'.join(words)
        if kind == 'config':
            key = ''.join(self.word('keys') for _ in range(1 + self.chance(0.5)))
            if self.chance(0.15):
                return f'the key {key}'
            section = self.invented() if self.chance(0.1) else self.pick(self.made_up['sections'])
            return f'{section}.{key}'
        if kind == 'command':
            return f"exovisor {self.word('commands')}"
        if kind == 'option':
            return f"--{self.word('options')}"
        if kind == 'state':
            return self.pick(['the {} state', 'the state {}', 'a state called {}']).format(self.word('states'))
        word = self.word('policies' if kind == 'policy' else 'machines')
        return f'the {word} {kind}'

    # Turns and conversations

    def known_turn(self, card=None):
        card = card or self.random.choices(self.cards, self.weights)[0]
        protected = set(' '.join(card.names).split()) if self.chance(0.8) else ()
        question = self.wording(card)
        if self.chance(0.07):
            # Two wordings in one question, as people ask: what happened, and then the code that they saw.
            question += self.pick(['? ', ', ', ' with ', ' and ', '. ', ': ', ' - ', '; ']) + self.wording(card)
        return self.noise(question, protected), card.answer, card

    def turn(self):
        if self.chance(self.unknown_share):
            question, answer = self.unknown_turn()
            return question, answer, None
        return self.known_turn()

    def conversation(self):
        """A conversation without any question that is kept out of training for the score."""
        while True:
            turns = self.any_conversation()
            if not any(bare(question) in self.kept_out for question, _ in turns):
                return turns

    def any_conversation(self):
        """One to three turns: single questions, unrelated questions in a row, or a question and its follow-up."""
        first = self.turn()
        turns, roll = [first[:2]], self.random.random()
        if roll < 0.1:
            turns += [self.turn()[:2] for _ in range(1 + self.chance(0.2))]
        elif roll < 0.2:
            turns.append(self.follow_up(*first))
        return turns

    def follow_up(self, question, answer, card):
        if self.chance(0.3):
            other = self.random.choices(self.cards, self.weights)[0]
            if other.names:
                return self.noise(self.pick(self.forms['switches']).replace('{x}', self.pick(other.names)), other.names), other.answer
        kinds = self.forms['followups']
        own = kinds.get(card.kind if card else 'any', kinds['any'])
        return self.noise(self.pick(own if self.chance(0.7) else kinds['any']), ()), answer
