"""The cards of the corpus: one answer per subject, its facts filled in from facts.json."""

import dataclasses
import hashlib
import json
import pathlib
import re

HERE = pathlib.Path(__file__).parent
CORPUS = HERE / 'corpus'


@dataclasses.dataclass
class Card:
    kind: str
    id: str
    answer: str
    weight: float = 1.0
    names: list = dataclasses.field(default_factory=list)
    tasks: list = dataclasses.field(default_factory=list)
    situations: list = dataclasses.field(default_factory=list)
    questions: list = dataclasses.field(default_factory=list)


def read(name):
    return json.loads((CORPUS / f'{name}.json').read_text())


def enumerate_names(names):
    quoted = [f'`{name}`' for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def references(facts):
    """What `{verb key}` in an answer may stand for."""
    return {
        'default': lambda key: facts['config'][key]['default'],
        'environment': lambda key: facts['config'][key]['environment'],
        'exit': lambda key: facts['exitCodes'][key],
        'limit': lambda key: facts['limits'][key],
        'package': lambda key: facts['package'][key],
    }


def fill(template, fields, facts):
    def value(match):
        verb, _, key = match.group(1).partition(' ')
        filled = references(facts)[verb](key) if key else fields[verb]
        if filled is None:
            raise ValueError(f'{match.group(0)} in {template!r} has no value')
        return filled
    return re.sub(r'\{([^{}]+)\}', value, template)


def sentence(text):
    return text[:1].upper() + text[1:]


def lower_first(text):
    return text[:1].lower() + text[1:]


def state_fields(fact):
    """The description of a state, and where it leads by which events."""
    ways = [f"`{state}` ({', '.join(events)})" for state, events in fact['to'].items()]
    if not ways:
        return {'description': fact['description'], 'next': 'This is the end.'}
    options = ways[0] if len(ways) == 1 else f"{', '.join(ways[:-1])} or {ways[-1]}"
    return {'description': fact['description'], 'next': f'Next: {options}.'}


def inner_states(facts):
    """The states inside the machines, each with the machines that have it."""
    inner = {}
    for machine, fact in facts['machines'].items():
        for state, description in fact['states'].items():
            inner.setdefault(state, []).append((machine, description))
    return inner


def fact_fields(kind, id, facts):
    """The fields that the answer of a kind may name."""
    if kind == 'state':
        return state_fields(facts['states'][id])
    if kind == 'error':
        fact = facts['errors'][id]
        return {'meaning': fact['meaning'], 'Remedy': sentence(fact['remedy'])}
    if kind == 'config':
        fact = facts['config'][id]
        choices = f" Values: {fact['type'].replace(' | ', ', ')}." if ' | ' in fact['type'] and not fact['type'].startswith('list') else ''
        return {**fact, 'choices': choices}
    if kind == 'command':
        return {'description': facts['commands'][id]['description']}
    if kind == 'option':
        owners = [command for command, fact in facts['commands'].items() if id in fact['options']]
        commands = enumerate_names([f'exovisor {owner}' for owner in owners])
        description = min((facts['commands'][owner]['options'][id] for owner in owners), key=len)
        return {'description': description, 'commands': commands}
    if kind == 'policy':
        return facts['policies'][id]
    if kind == 'machine':
        fact = facts['machines'][id]
        inside = f" Inside: {enumerate_names(fact['states'])}." if fact['states'] else ''
        return {'description': lower_first(fact['description']) + inside}
    if kind == 'inner':
        owners = inner_states(facts)[id]
        plural = 's' if len(owners) > 1 else ''
        description = f': {lower_first(owners[0][1])}' if len(owners) == 1 else '.'
        return {'machines': f'machine{plural} {enumerate_names([owner for owner, _ in owners])}', 'description': description}
    return {}


def spoken_names(kind, id):
    """How people write a name of the program."""
    lower = id.lower()
    if kind == 'state':
        return [lower] * 3 + [f'the {lower} state', f'{lower} state']
    if kind == 'error':
        words = lower.replace('exo_', '').replace('_', ' ')
        return [lower] * 4 + [f'{words} error', f'the error {lower}', words]
    if kind == 'config':
        parts = re.sub(r'([a-z])([A-Z])', r'\1 \2', id).lower().replace('.', ' ')
        return [lower] * 4 + [f'the key {lower}', f'the setting {lower}'] + ([parts] if '.' in id else [])
    if kind == 'command':
        return [f'exovisor {lower}'] * 3 + [f'`exovisor {lower}`']
    if kind == 'option':
        return [lower] * 2 + [f'the {lower} option', f'the {lower} flag']
    if kind == 'policy':
        return [f'the {lower} policy', f'the policy {lower}', f'{lower} policy', f'policy {lower}']
    if kind == 'inner':
        return [f'the state {lower}', f'the {lower} state', f'the inner state {lower}', f'{lower} in a statechart',
                f'the state {lower} in a machine']
    if kind == 'machine':
        return [f'the {lower} machine', f'the machine {lower}', f'the statechart of {lower}', f'exovisor machines {lower}',
                f'the {lower} statechart', f'{lower} state machine', f'the {lower} state machine']
    return []


def load_cards(facts):
    kinds, cards = read('kinds'), []
    rows = [(read(name)['kind'], card) for name in
            ['states', 'errors', 'config', 'commands', 'policies', 'machines', 'terms', 'howto', 'talk']
            for card in read(name)['cards']]
    options = dict.fromkeys(option for fact in facts['commands'].values() for option in fact['options'])
    rows += [('inner', {'id': state}) for state in inner_states(facts)]
    rows += [('option', {'id': option}) for option in options]
    for kind, row in rows:
        fields = {'id': row['id'], **fact_fields(kind, row['id'], facts)}
        template = row.get('answer') or kinds[kind]['answer']
        if kind == 'config' and fields['default'] is None:
            template = kinds[kind]['answerWithoutDefault']
        names = row.get('names', []) * 2 + spoken_names(kind, row['id'])
        if '<NAME>' in fields.get('environment', ''):
            names += [f"supervision.policies.<name>.{row['id'].lower()}", f"{row['id'].lower()} in a policy"]
        cards.append(Card(
            kind, row['id'], fill(template, fields, facts), kinds[kind]['weight'],
            names,
            row.get('tasks', []), row.get('situations', []), row.get('questions', []),
        ))
    return cards


def corpus_hash(facts_path):
    """SHA-256 over the content of the facts and of every corpus file: what the weights were made from."""
    digest = hashlib.sha256()
    for path in [facts_path, *sorted(CORPUS.glob('*.json'))]:
        content = json.dumps(json.loads(path.read_text()), ensure_ascii=False, separators=(',', ':'))
        digest.update(f'{path.name}\n{content}\n'.encode())
    return digest.hexdigest()
